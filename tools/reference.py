"""Writes the generated parts of the documents from the code.

python tools/reference.py

A page is written by hand but for its blocks between ``<!-- generated: NAME -->`` and
``<!-- end of NAME -->``. ``tests/test_docs.py`` fails if a block differs from what the code says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import architecture_drawing
import reference_cli
import reference_dicom
import reference_errors
import reference_records
import reference_rest
import reference_speed

DOCS = Path(__file__).parents[1] / "docs"

# Page to the names of its blocks and what makes them.
BLOCKS: dict[str, dict[str, Callable[[], str]]] = {
    "../benchmarks/README.md": {"ways": reference_speed.ways, "ratios": reference_speed.ratios},
    "explanation/architecture.md": {
        "layers": architecture_drawing.layers,
        "training": architecture_drawing.layers_of_training,
    },
    "explanation/speed.md": {
        "ways": reference_speed.ways,
        "ratios": reference_speed.ratios,
        "node": reference_speed.node,
    },
    "reference/api.md": {
        "routes": reference_rest.routes,
        "schemas": reference_rest.schemas,
        "statuses": reference_errors.statuses,
    },
    "reference/bundle.md": {"keys": reference_records.bundle},
    "reference/cli.md": {"commands": reference_cli.commands},
    "reference/dicom-conformance.md": {
        "received": reference_dicom.received,
        "syntaxes": reference_dicom.syntaxes,
        "sent": reference_dicom.sent,
        "returned": reference_dicom.returned,
        "accepted": reference_dicom.accepted,
        "limits": reference_dicom.limits,
        "objects": reference_dicom.objects,
    },
    "reference/environment.md": {"variables": reference_cli.variables},
    "reference/errors.md": {"codes": reference_errors.codes},
    "reference/gate.md": {"reasons": reference_records.gate_reasons},
    "reference/output.md": {
        "columns": reference_records.csv_columns,
        "shards": reference_records.shard_columns,
    },
    "reference/recipe.md": {"keys": reference_records.recipe},
}


def written(page: str) -> str:
    """A page with its blocks made anew.

    Raises:
        ValueError: The page lacks a marker of a block.
    """
    text = (DOCS / page).read_text(encoding="utf-8")
    for name, make in BLOCKS[page].items():
        start, end = f"<!-- generated: {name} -->", f"<!-- end of {name} -->"
        before, opened, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not (opened and closed):
            raise ValueError(f"{page} has no block {name}")
        text = f"{before}{start}\n\n{make().strip()}\n\n{end}{after}"
    return text


def outdated() -> Iterator[str]:
    """Names of the pages that differ from what the code says."""
    for page in BLOCKS:
        if written(page) != (DOCS / page).read_text(encoding="utf-8"):
            yield page


def main() -> None:
    for page in list(outdated()):
        (DOCS / page).write_text(written(page), encoding="utf-8")
        print(f"docs/{page}")


if __name__ == "__main__":
    main()
