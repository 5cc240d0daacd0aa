"""Writes the figures of the shipped bundles into README.md and docs/shipped-model.md.

python tools/readme_figures.py

The README has a row for each bundle, the page all figures; both are between two markers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pneumoscope.bundle import BundleMeta, open_bundle
from pneumoscope.bundle.names import DEFAULTS
from pneumoscope.metrics import interval_text
from pneumoscope.render.card import headline

ROOT = Path(__file__).parents[1]
START, END = "<!-- figures -->", "<!-- end of figures -->"


def rows(metas: Sequence[BundleMeta]) -> str:
    """The figures of the README, a row for each bundle."""
    stress = len(metas[0].validation["stress"])
    lines = [
        f"| bundle | held-out films | AUC | balanced accuracy | under the worst of {stress} perturbations |",
        "|---|---|---|---|---|",
    ]
    for meta in metas:
        v = meta.validation
        worst = v["worst"]["balanced_accuracy"]
        lines.append(
            f"| {meta.name}, `{v['operating_point']['name']}` | {v['films']} of {v['patients']} patients "
            f"| {interval_text(v['plain']['auc'])} | {interval_text(v['plain']['balanced_accuracy'])} "
            f"| {interval_text(worst)} ({worst['condition']}) |"
        )
    return (
        "\n".join(lines)
        + """

In brackets: 95 % intervals, patient-clustered. The recipes, the calibration and the thresholds were chosen on these films, so the figures
are optimistic. For `adults` most of them are from collections with one class only, so the figures also show how well the
model tells the collections apart. [All figures, including those by hospital, and its speed](docs/shipped-model.md)."""
    )


def whole(metas: Sequence[BundleMeta]) -> str:
    """All figures, for the page."""
    parts = []
    for meta in metas:
        v = meta.validation
        parts.append(f"""### {meta.name}

On {v["films"]} held-out films of {v["patients"]} patients, at the operating point `{v["operating_point"]["name"]}`, with 95 % intervals by
patient-clustered bootstrap. No patient who is known has films on both sides of the split. The recipe, the calibration and the thresholds were
chosen on these films, so the figures are optimistic.

{headline(v)}

Nine image statistics without any anatomy reach an AUC of {interval_text(v["statistics_baseline"]["positive"])} on the same films: that is
the shortcut that the model was trained not to take. `pneumoscope train {meta.name}` measures all of this again.""")
    return "\n\n".join(parts)


def written(page: Path, text: str) -> str:
    """A document with another text between the markers."""
    old = page.read_text(encoding="utf-8")
    return re.sub(f"{START}.*{END}", lambda _: f"{START}\n{text}\n{END}", old, flags=re.DOTALL)


def pages() -> dict[Path, str]:
    """The documents with the figures of the shipped bundles."""
    metas = [open_bundle(name).meta for name in DEFAULTS]
    readme, page = ROOT / "README.md", ROOT / "docs" / "shipped-model.md"
    return {readme: written(readme, rows(metas)), page: written(page, whole(metas))}


def main() -> None:
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
