"""Age, sex, view and source of films by label."""

from __future__ import annotations

from pathlib import Path

import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from evaluated import evaluated_film
from pneumoscope.evidence.evaluation.demographics import demographics, facts_of
from pneumoscope.evidence.evaluation.evaluated_films import Ages


def test_facts_come_from_columns_by_any_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "manifest.csv").write_text(
        "path,label,Patient Age,Gender,View Position\na.png,normal,058Y,F,PA\n"
    )
    assert facts_of(tmp_path / "manifest.csv") == {"a.png": {"age": "58", "sex": "F", "view": "PA"}}
    (tmp_path / "folders" / "NORMAL").mkdir(parents=True)
    assert facts_of(tmp_path / "folders") == {}


def test_capitals_make_no_other_sex_or_view(tmp_path: Path) -> None:
    rows = ("a.png,normal,F,PA", "b.png,ill,f,pa", "c.png,ill,F,AP", "d.png,ill,,PA")
    (tmp_path / "t.csv").write_text("\n".join(("path,label,sex,view", *rows)) + "\n")
    facts = facts_of(tmp_path / "t.csv")
    assert [fact["sex"] for fact in facts.values()] == ["F", "F", "F", ""]
    assert [fact["view"] for fact in facts.values()] == ["PA", "PA", "AP", "PA"]


def test_words_for_a_sex_are_counted_together(tmp_path: Path) -> None:
    rows = ("a.png,normal,female", "b.png,ill,F", "c.png,ill,female", "d.png,ill,männlich")
    (tmp_path / "t.csv").write_text("\n".join(("path,label,Gender", *rows)) + "\n", "utf-8")
    sexes = [fact["sex"] for fact in facts_of(tmp_path / "t.csv").values()]
    assert sexes == ["female", "female", "female", "männlich"]


def test_films_are_counted_by_label() -> None:
    films = [
        evaluated_film(path="a", label="ill", patient="p", facts={"age": "10", "sex": "F"}),
        evaluated_film(path="b", label="ill", patient="p", facts={"age": "30", "sex": "M"}),
        evaluated_film(path="c", label="normal", patient="q", facts={"age": "", "sex": ""}),
    ]
    whole, ill, normal = demographics(films)
    assert (whole.label, whole.films, whole.patients) == ("", 3, 2)
    # Quartiles of 10 and 30.
    assert ill.ages == Ages(known=2, median=20.0, low=15.0, high=25.0)
    assert normal.ages == Ages(known=0, median=None, low=None, high=None)
    assert whole.counts == {"sex": {"F": 1, "M": 1, "(unknown)": 1}}
    assert normal.counts == {"sex": {"F": 0, "M": 0, "(unknown)": 1}}


def test_without_any_fact_there_is_no_table() -> None:
    assert demographics([evaluated_film(path="a", label="ill", patient="p")]) == ()
