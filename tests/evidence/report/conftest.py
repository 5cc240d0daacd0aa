from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pneumoscope.evidence.evaluation.results import Evaluation
    from pneumoscope.evidence.report.blocks import Report


@pytest.fixture(autouse=True)
def needs_extras() -> None:
    for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
        pytest.importorskip(module)


@pytest.fixture(scope="session")
def record() -> Evaluation:
    """Of two bundles."""
    for module in ("cv2", "scipy", "sklearn"):
        pytest.importorskip(module)
    from reported import evaluation

    return evaluation(bundles=2)


@pytest.fixture(scope="session")
def whole(record: Evaluation) -> Report:
    for module in ("matplotlib", "reportlab"):
        pytest.importorskip(module)
    from pneumoscope.evidence.report import evaluation as report
    from report_pages import cheap

    with cheap():
        return report.report_of(record)
