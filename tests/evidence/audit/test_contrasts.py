from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("sklearn", reason="needs the [train] extra")

from audits import listed, new_folder
from pneumoscope.evidence.audit.contrasts import contrasts
from pneumoscope.evidence.audit.listing import open_films


def test_contrasts_of_many_classes_and_of_findings(tmp_path: Path) -> None:
    kermany = listed(("a", "normal", "train"), ("b", "bacterial", "train"), ("c", "viral", "train"))
    assert [c.name for c in contrasts(kermany)[0]] == [
        "pneumonia against normal",
        "viral against bacterial",
    ]
    (tmp_path / "manifest.csv").write_text("path,Edema,Mass\na.png,1,\nb.png,0,1\nc.png,-1,0\n")
    listing, limits = open_films(tmp_path)
    assert limits == ()
    assert [(c.name, c.rows.tolist(), c.truth.tolist()) for c in contrasts(listing)[0]] == [
        ("Edema against no Edema", [0, 1], [True, False]),
        ("Mass against no Mass", [1, 2], [True, False]),
    ]
    many = tmp_path / "many"
    for name in "abcdefg":
        Image.fromarray(np.zeros((80, 80), np.uint8)).save(new_folder(many / name) / "1.png")
    of_classes, omitted = contrasts(open_films(many)[0])
    assert len(of_classes) == 5
    assert of_classes[0].name == "a against other classes"
    assert omitted == "contrasts not looked at: 2"


def test_films_of_a_contrast_keep_their_positions_and_truth() -> None:
    films = listed(("a", "normal", "train"), ("b", "viral", "train"), ("c", "normal", "train"))
    (pair,), silence = contrasts(films)
    assert silence == ""
    assert (pair.positive, pair.negative, pair.name) == (
        "pneumonia", "normal", "pneumonia against normal",
    )  # fmt: skip
    # Of a reading without the first film, the others lie one place earlier.
    assert pair.among(np.array([1, 2])) == [(0, True), (1, False)]
    assert pair.among(np.array([], int)) == []


def test_one_class_and_no_class_are_told_apart() -> None:
    pairs, silence = contrasts(listed(("a", "viral", "train"), ("b", "viral", "train")))
    assert pairs == ()
    assert (
        silence
        == "all labelled films are viral, so nothing can be said of what gives the label away"
    )
    pairs, silence = contrasts(listed(("a", "no such class", "train")))
    assert pairs == ()
    assert silence == "no film has a label, so nothing can be said of what gives the label away"


def test_a_finding_that_all_films_have_is_no_contrast(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("path,Edema,Mass\na.png,1,1\nb.png,1,0\nc.png,1,0\n")
    listing, _ = open_films(tmp_path)
    assert [pair.name for pair in contrasts(listing)[0]] == ["Mass against no Mass"]
