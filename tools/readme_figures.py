"""Writes the figures of the shipped bundle into README.md and docs/shipped-model.md.

python tools/readme_figures.py

The README has one row, the page all figures; both are between two markers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pneumoscope.bundle import open_bundle
from pneumoscope.metrics import interval_text
from pneumoscope.render.card import headline

ROOT = Path(__file__).parents[1]
START, END = "<!-- figures -->", "<!-- end of figures -->"


def row(v: Mapping[str, Any]) -> str:
    """The figures of the README.

    Args:
        v: The bundle's validation figures.
    """
    worst = v["worst"]["balanced_accuracy"]
    return f"""| {v["films"]} held-out films of {v["patients"]} children | AUC | balanced accuracy | under the worst of {len(v["stress"])} perturbations |
|---|---|---|---|
| flagship, `{v["operating_point"]["name"]}` | {interval_text(v["plain"]["auc"])} | {interval_text(v["plain"]["balanced_accuracy"])} | {interval_text(worst)} ({worst["condition"]}) |

In brackets: 95 % intervals, patient-clustered. The recipe, the calibration and the thresholds were chosen on these films, so the figures
are optimistic. Most films of adults from other hospitals are UNDETERMINED. [All figures, and how fast it is](docs/shipped-model.md)."""


def whole(v: Mapping[str, Any]) -> str:
    """All figures, for the page.

    Args:
        v: The bundle's validation figures.
    """
    return f"""On {v["films"]} held-out films of {v["patients"]} children, at the operating point `{v["operating_point"]["name"]}`, with 95 % intervals by
patient-clustered bootstrap. No child has films on both sides of the split. The recipe, the calibration and the thresholds were chosen on these
films, so the figures are optimistic.

{headline(v)}

Nine image statistics without any anatomy reach an AUC of {interval_text(v["statistics_baseline"]["positive"])} on the same films: that is
the shortcut that this model was trained not to take. `pneumoscope train flagship` measures all of this again."""


def written(page: Path, text: str) -> str:
    """A document with another text between the markers."""
    old = page.read_text(encoding="utf-8")
    return re.sub(f"{START}.*{END}", lambda _: f"{START}\n{text}\n{END}", old, flags=re.DOTALL)


def pages() -> dict[Path, str]:
    """The documents with the figures of the shipped bundle."""
    v = open_bundle().meta.validation
    readme, page = ROOT / "README.md", ROOT / "docs" / "shipped-model.md"
    return {readme: written(readme, row(v)), page: written(page, whole(v))}


def main() -> None:
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
