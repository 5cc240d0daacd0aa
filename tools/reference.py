"""Writes the generated parts of docs/reference/ from the code.

python tools/reference.py

A page is written by hand but for its blocks between ``<!-- generated: NAME -->`` and
``<!-- end of NAME -->``. ``tests/test_docs.py`` fails if a block differs from what the code says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import reference_cli
import reference_errors
import reference_records
import reference_rest

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"

# Page to the names of its blocks and what makes them.
BLOCKS: dict[str, dict[str, Callable[[], str]]] = {
    "api.md": {
        "routes": reference_rest.routes,
        "schemas": reference_rest.schemas,
        "statuses": reference_errors.statuses,
    },
    "bundle.md": {"keys": reference_records.bundle},
    "cli.md": {"commands": reference_cli.commands},
    "environment.md": {"variables": reference_cli.variables},
    "errors.md": {"codes": reference_errors.codes},
    "gate.md": {"reasons": reference_records.gate_reasons},
    "recipe.md": {"keys": reference_records.recipe},
}


def written(page: str) -> str:
    """A page with its blocks made anew.

    Raises:
        ValueError: The page lacks a marker of a block.
    """
    text = (REFERENCE / page).read_text(encoding="utf-8")
    for name, make in BLOCKS[page].items():
        start, end = f"<!-- generated: {name} -->", f"<!-- end of {name} -->"
        before, found, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"{page} has no block {name}")
        text = f"{before}{start}\n\n{make().strip()}\n\n{end}{after}"
    return text


def outdated() -> Iterator[str]:
    """Names of the pages that differ from what the code says."""
    for page in BLOCKS:
        if written(page) != (REFERENCE / page).read_text(encoding="utf-8"):
            yield page


def main() -> None:
    for page in list(outdated()):
        (REFERENCE / page).write_text(written(page), encoding="utf-8")
        print(f"docs/reference/{page}")


if __name__ == "__main__":
    main()
