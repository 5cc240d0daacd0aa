"""Blocks of a report."""

from __future__ import annotations

import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
    pytest.importorskip(module)


from pneumoscope.evidence.report.blocks import (
    Table,
)


def test_a_row_must_fit_its_table() -> None:
    with pytest.raises(ValueError, match="2 cells under 1 columns"):
        Table(("a",), (("1", "2"),))
