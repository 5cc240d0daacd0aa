from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")

from audits import new_folder
from film_sets import chests, jpeg
from pneumoscope.evidence.audit.listing import class_of, open_films, without_subtype


def test_keys_without_subtype_by_hand() -> None:
    assert without_subtype("bacteria/person12") == without_subtype("virus/person12") == "person12"
    assert without_subtype("normal/NORMAL2-IM-0012") == without_subtype("normal/IM-0012")
    assert without_subtype("patient00012") is None


def test_films_that_training_refuses_are_listed_with_the_reason(tmp_path: Path) -> None:
    film = jpeg(chests(1)[0], 90)
    (new_folder(tmp_path / "train" / "PNEUMONIA") / "person1_virus_2.jpeg").write_bytes(film)
    (new_folder(tmp_path / "test" / "PNEUMONIA") / "scan.jpeg").write_bytes(film)
    listing, limits = open_films(tmp_path)
    assert limits[0].startswith("no training could use it: ")
    assert [(e.name, e.patient, e.keyed, e.split) for e in listing.entries] == [
        ("test/PNEUMONIA/scan.jpeg", "file/test/PNEUMONIA/scan.jpeg", False, "test"),
        ("train/PNEUMONIA/person1_virus_2.jpeg", "virus/person1", True, "train"),
    ]
    assert [class_of(entry, listing.names) for entry in listing.entries] == ["PNEUMONIA"] * 2
    assert class_of(listing.entries[0], ("another",)) == "another"
    bare = tmp_path / "bare"
    new_folder(bare).joinpath("1.jpeg").write_bytes(film)
    listing, _ = open_films(bare)
    assert listing.names == ()
    assert class_of(listing.entries[0], listing.names) == ""
