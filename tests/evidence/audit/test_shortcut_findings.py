from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")

from types import SimpleNamespace

from audits import levels, reasons
from film_sets import Film, folder
from pneumoscope.bundle import Bundle
from pneumoscope.evidence.audit.audit import audit
from pneumoscope.evidence.audit.results import Audit
from pneumoscope.evidence.audit.shortcut_findings import file_findings
from pneumoscope.evidence.audit.shortcuts import FILE, Score, Shortcuts
from pneumoscope.evidence.report.audit import page as audit_page
from pneumoscope.metrics import Interval


@pytest.mark.slow
def test_two_quality_tables_by_class_are_named(
    few_trees: None, forty: list[Film], tiny_bundle: Bundle, tmp_path: Path
) -> None:
    # The same pictures as in `plain`.
    classes = {"normal": forty[0::2], "sick": forty[1::2]}
    result = audit(folder(tmp_path / "set", classes, {"normal": 95, "sick": 75}), tiny_bundle.path)
    assert result.verdict == "stop"
    assert levels(result, "how films were saved") == ["stop"]
    text = reasons(result, "how films were saved")
    assert "(libjpeg, quality 75)' in all 20 sick films and none of 20 normal films" in text
    assert "(libjpeg, quality 95)' in all 20 normal films and none of 20 sick films" in text
    assert "calls 40 of 40 films right (100.0%; always the larger class: 50.0%)" in text
    page = audit_page.html(result)
    assert "libjpeg, quality 75" in page
    assert "http" not in page.replace("http-equiv", "")  # one file, nothing from elsewhere


def test_one_table_for_all_is_not_mentioned(plain: Audit) -> None:
    assert levels(plain, "how films were saved") == []
    score = next(s for s in plain.shortcuts[0].scores if s.feature == "quantisation table")
    assert score.constant


@pytest.mark.slow
def test_the_tables_of_the_full_size_films_give_the_label_away(films_dir: Path) -> None:
    root = films_dir / "full_size"
    if not root.is_dir():
        pytest.skip("the real films have another layout")
    result = audit(root)
    assert result.verdict == "stop"
    text = reasons(result, "how films were saved")
    assert (
        "'8 6 5 8 12 20 ... (libjpeg, quality 75)' in all 20 PNEUMONIA films and none of 9" in text
    )
    assert "in 8 of 9 NORMAL films and none of 20 PNEUMONIA films" in text
    assert "EXIF: 'none' in all 20 PNEUMONIA films and none of 9 NORMAL films" in text


@pytest.mark.parametrize(("low", "level"), [(0.85, "stop"), (0.7, "look"), (0.55, "pass")])
def test_scores_are_judged_by_the_lower_end(low: float, level: str) -> None:
    score = Score(FILE, "bytes", Interval(0.9, low, 0.95), "median 10 in ill, 5 in well")
    shortcuts = Shortcuts("ill against well", "ill", "well", 50, 50, 0.5, (score,))
    (finding,) = file_findings(SimpleNamespace(shortcuts=(shortcuts,)))
    assert (finding.check, finding.level) == ("file alone (ill against well)", level)
    assert f"Best: bytes, AUC 0.900 [{low:.3f}, 0.950]" in finding.reason
    # A length alone is no header entry.
    assert ("only the length of the file does" in finding.reason) == (level != "pass")
