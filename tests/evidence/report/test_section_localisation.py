"""The report's section on drawn lungs and boxes, and its plot."""

from __future__ import annotations

from dataclasses import replace

import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
    pytest.importorskip(module)

from pneumoscope.evidence.report.blocks import Note, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots.localisation import heat_in_regions
from pneumoscope.evidence.report.sections.localisation import localisation
from reported import evaluation


def test_figures_beside_the_area() -> None:
    record = evaluation()
    blocks = list(localisation(record, record.bundles[0]))
    regions, views = (block for block in blocks if isinstance(block, Table))
    assert regions.rows == (
        (
            "lungs", "PNEUMONIA", "40 of 20", "1", "0.610 [0.510, 0.710]", "0.300",
            "0.900 [0.800, 0.950]",
        ),
    )  # fmt: skip
    assert views.rows[0] == ("as they are", "0.920 [0.830, 0.960]", "")
    assert views.rows[1][2] == "0.200 [0.100, 0.300]"
    text = " ".join(block.text for block in blocks if isinstance(block, Paragraph))
    assert "50 films with a lung mask, 0 films with boxes" in text
    assert "covers 97.0% of the lungs and 43.0% of the film" in text
    assert [block for block in blocks if isinstance(block, Picture)]


def test_without_masks_the_views_say_why(quick: None) -> None:
    record = evaluation()
    (bundle,) = record.bundles
    assert bundle.localisation is not None
    bare = replace(
        bundle.localisation, views=(), view_of="", hidden=None, area_own=None, area_fixed=None,
        note="no film has a lung mask",
    )  # fmt: skip
    blocks = list(localisation(record, replace(bundle, localisation=bare)))
    texts = [block.text for block in blocks if isinstance(block, Paragraph)]
    assert "Not measured: no film has a lung mask." in texts
    silent = evaluation(full=False)
    notes = [b for b in localisation(silent, silent.bundles[0]) if isinstance(b, Note)]
    assert notes[-1].text == "Left out on request."


@pytest.mark.slow
def test_the_plot_has_a_row_for_each_region() -> None:
    bundle = evaluation().bundles[0]
    assert bundle.localisation is not None
    short = heat_in_regions("a", bundle.localisation.regions)
    tall = heat_in_regions("a", bundle.localisation.regions * 6)
    assert tall.height > short.height
    assert short.png.startswith(b"\x89PNG")
