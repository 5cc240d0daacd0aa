"""Writes the figures of the shipped bundle into README.md, between its two markers.

python tools/readme_figures.py
"""

from __future__ import annotations

import re
from pathlib import Path

from pneumoscope.bundle import open_bundle
from pneumoscope.metrics import interval_text
from pneumoscope.render.card import headline

README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- figures -->", "<!-- end of figures -->"


def main() -> None:
    v = open_bundle().meta.validation
    baseline = v["statistics_baseline"]["positive"]
    text = f"""{START}
On {v["films"]} held-out films of {v["patients"]} children (patient-grouped; these films chose the recipe, the
calibration and the thresholds, so they flatter; 95 % intervals by patient-clustered bootstrap), at the
operating point `{v["operating_point"]["name"]}`:

{headline(v)}

Nine image statistics without any anatomy reach AUC {interval_text(baseline)} on the same films: that is
the shortcut which this model was trained not to take. `pneumoscope info --card` prints the whole model card;
`pneumoscope train flagship` measures all of this again.
{END}"""
    old = README.read_text(encoding="utf-8")
    new = re.sub(f"{START}.*{END}", lambda _: text, old, flags=re.DOTALL)
    README.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
