"""Two bundles on the same films."""

from __future__ import annotations

from pathlib import Path

import pytest

for module in ("cv2", "scipy", "sklearn", "pyarrow"):
    pytest.importorskip(module)


from evaluations import BRIGHT, DARK, QUICK, Run, folders
from pneumoscope.bundle import Bundle, write_bundle
from tiny import tiny_files, tiny_meta


@pytest.mark.slow
def test_bundles_are_compared_on_the_same_films(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK, PNEUMONIA=BRIGHT)
    other = write_bundle(
        tmp_path / "runs" / "other" / "bundle",
        tiny_meta(name="tiny", default_operating_point="screen"),
        tiny_files(tmp_path / "parts"),
    )
    code, metrics, _ = evaluate(tiny_bundle.path, other.path.parent, films, *QUICK)
    assert code == 0
    assert [b["title"] for b in metrics["bundles"]] == ["tiny 1 (1)", "tiny 1 (2)"]
    (pair,) = metrics["pairs"]
    assert pair["points"] == ["balanced", "screen"]
    assert pair["differences"]["roc_auc"]["difference"]["value"] == 0.0
    assert pair["delong"]["difference"]["note"] == "both models rank these films alike"
    # At 0.1 every film is called positive.
    assert pair["mcnemar"]["specificity"]["only_first"] == 18
    assert pair["mcnemar"]["sensitivity"]["only_second"] == 2
    assert "higher by" in pair["differences"]["specificity"]["verdict"]
