"""Makes the fonts of PDF files: subsets of the DejaVu fonts that Matplotlib brings.

    python tools/pdf_fonts.py

Needs fonttools and the extra [evidence]. The fonts' licence is copied beside them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import matplotlib
from fontTools import subset

SOURCE = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
TARGET = Path(__file__).parents[1] / "src" / "pneumoscope" / "render" / "fonts"
# Latin with its extensions, Greek, Cyrillic, punctuation, superscripts, currency, letterlike
# symbols, arrows and operators.
RANGES = (
    (0x20, 0x24F), (0x2B0, 0x3FF), (0x400, 0x52F), (0x1E00, 0x1EFF), (0x2000, 0x209F),
    (0x20A0, 0x20BF), (0x2100, 0x214F), (0x2190, 0x2193), (0x2200, 0x226F),
)  # fmt: skip


def main() -> None:
    TARGET.mkdir(exist_ok=True)
    options = subset.Options(hinting=False, layout_features=[], notdef_outline=True)
    options.drop_tables += ["FFTM"]
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
        font = subset.load_font(str(SOURCE / name), options)
        chosen = subset.Subsetter(options)
        chosen.populate(unicodes=[u for first, last in RANGES for u in range(first, last + 1)])
        chosen.subset(font)
        subset.save_font(font, str(TARGET / name), options)
    shutil.copyfile(SOURCE / "LICENSE_DEJAVU", TARGET / "LICENSE-DejaVu.txt")


if __name__ == "__main__":
    main()
