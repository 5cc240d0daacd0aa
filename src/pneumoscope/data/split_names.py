"""What folders and tables call the films for training, validation and testing."""

from __future__ import annotations

import re

SPLITS = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "val": "validation",
    "valid": "validation",
    "validate": "validation",
    "validation": "validation",
    "validating": "validation",
    "dev": "validation",
    "devel": "validation",
    "development": "validation",
    "test": "test",
    "testing": "test",
    "tst": "test",
}
"""Names of folders in lower case, and values of a manifest's column."""
_ADDED = re.compile(r"[\s_\-]+(set|data|split)$|(?<=.)set$")


def split_of(name: str) -> str | None:
    """``"train"``, ``"validation"`` or ``"test"`` for a name such as ``"Training_set"``, else None."""
    lower = name.strip().lower()
    return SPLITS.get(lower) or SPLITS.get(_ADDED.sub("", lower))
