"""The bundle of a command that works on one bundle."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pneumoscope.bundle import names

if TYPE_CHECKING:
    from pathlib import Path


def bundle_or_first(bundle: Path | None) -> Path | None:
    """Passes a bundle on for `open_bundle`; says on stderr which of several it opens for None.

    Args:
        bundle: Name or folder; None if none was named, for the first shipped one.
    """
    if bundle is None and len(names.SHIPPED_SET) > 1:
        first, *others = (path.name for path in names.SHIPPED_SET)
        sys.stderr.write(f"bundle: {first}, the first shipped one; others: {', '.join(others)}\n")
    return bundle
