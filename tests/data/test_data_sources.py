"""Films by source, and class distinctions that no source supports."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from drawn import draw
from pneumoscope import data
from pneumoscope.data.sources import (
    UNNAMED,
    counts_by_source,
    leave_out,
    left_out_by,
    unsupported,
    unsupported_words,
)
from pneumoscope.errors import DataError


def test_counts() -> None:
    films = [("b", "ill"), ("a", "well"), ("b", "ill"), ("b", "well"), ("", "well")]
    assert counts_by_source(films) == {
        UNNAMED: {"well": 1}, "a": {"well": 1}, "b": {"ill": 2, "well": 1},
    }  # fmt: skip
    assert counts_by_source([("", "ill"), ("", "well")]) == {}


def test_pairs_of_classes_that_no_source_has_both_of() -> None:
    counts = {"rsna": {"normal": 9}, "covid": {"covid": 5}, "nih": {"normal": 3, "pneumonia": 2}}
    pairs = unsupported(counts, ("normal", "covid", "pneumonia", "absent"))
    assert pairs == (("normal", "covid"), ("covid", "pneumonia"))
    assert unsupported_words(pairs).startswith(
        "no source holds both sides of normal and covid, covid and pneumonia: "
    )
    assert unsupported_words(()) == ""
    assert unsupported({}, ("normal", "ill")) == ()


def hospitals(root: Path, patients: str = "{source}{i}") -> Path:
    """Eight films each of hospitals a, b and c, half of them ill, two films per patient."""
    lines = ["path,label,source,patient"]
    for source in "abc":
        draw(root, *(f"{source}/{i}.png" for i in range(8)))
        lines += [
            f"{source}/{i}.png,{('normal', 'ill')[i // 4]},{source},"
            + patients.format(source=source, i=i // 2)
            for i in range(8)
        ]
    (root / "manifest.csv").write_text("\n".join(lines) + "\n")
    return root


def load(root: Path, split: str) -> data.FilmSet:
    return data.load(
        root, 64, task="binary", split=split, share=0.25, seed=0, cache=root.parent / "cache"
    )


def test_a_source_is_left_out_and_never_decoded(tmp_path: Path) -> None:
    root = hospitals(tmp_path / "films")
    for film in (root / "b").iterdir():
        film.write_bytes(b"not a film")
    films = load(root, "leave-out:b")
    assert {film.source for film in films.films} == {"a", "c"}
    assert len(films.films) == 16
    # Of four patients of each class one is held out, with both films, and with the copies of them that
    # the other hospital has.
    held = {film.sha256 for film in films.films if film.split == "validation"}
    assert [len(films.rows(split)) for split in ("train", "validation")] == [8, 8]
    assert len(held) == 4
    data.check_split(films.films)
    listing = leave_out(data.find(root), "leave-out:b")
    assert {e.source for e in listing.entries if e.split == "test"} == {"b"}
    assert {e.source for e in listing.entries if e.split is None} == {"a", "c"}
    assert leave_out(listing, "patient") is listing


def test_a_group_is_left_out_and_films_for_testing_stay_unused(tmp_path: Path) -> None:
    root = hospitals(tmp_path / "films")
    lines = (root / "manifest.csv").read_text().splitlines()
    # Films 0 of a and c, and all of b but its last, are reserved for testing.
    tested = [1, 17, *range(9, 16)]
    rows = [f"{line},{'test' if i in tested else ''}" for i, line in enumerate(lines) if i]
    (root / "manifest.csv").write_text("\n".join([f"{lines[0]},split", *rows]) + "\n")
    listing = leave_out(data.find(root), "leave-out:b+c")
    names = {
        split: {entry.name for entry in listing.entries if entry.split == split}
        for split in ("test", "train")
    }
    assert names["test"] == {"b/7.png"} | {f"c/{i}.png" for i in range(1, 8)}
    assert names["train"] == {f"a/{i}.png" for i in range(1, 8)}
    with pytest.raises(DataError, match=r"all training films are from the source 'a\+b\+c'"):
        leave_out(data.find(root), "leave-out:a+b+c")
    (root / "manifest.csv").write_text(
        "\n".join([f"{lines[0]},split", *rows[:15], rows[15] + "test", *rows[16:]]) + "\n"
    )
    with pytest.raises(DataError, match="no training film is from the source 'b'") as error:
        leave_out(data.find(root), "leave-out:b")
    assert error.value.hint == "Known sources: a, c."


def test_a_source_whose_name_looks_like_a_group(tmp_path: Path) -> None:
    root = hospitals(tmp_path / "films")
    sheet = root / "manifest.csv"
    sheet.write_text(sheet.read_text().replace(",b", ",b + Co"))
    with pytest.raises(DataError, match=r"'b \+ Co' has a \+ in its name") as error:
        leave_out(data.find(root), "leave-out:b + Co")
    assert error.value.hint == "Rename it in the manifest's column source."


def test_the_sources_of_a_split() -> None:
    assert left_out_by("leave-out:north") == ("north",)
    assert left_out_by("leave-out:north+south") == ("north", "south")
    assert left_out_by("patient") == ()


def test_an_unknown_source_names_the_known_ones(tmp_path: Path) -> None:
    root = hospitals(tmp_path / "films")
    with pytest.raises(DataError, match="no training film is from the source 'd'") as error:
        load(root, "leave-out:d")
    assert error.value.hint == "Known sources: a, b, c."
    with pytest.raises(DataError, match="split 'leave-in:a' is unknown") as error:
        load(root, "leave-in:a")
    assert error.value.hint.endswith("given, or leave-out:SOURCE.")
    draw(tmp_path / "bare", "normal/0.png", "ill/0.png")
    with pytest.raises(DataError, match="no training film is from the source 'a'") as error:
        load(tmp_path / "bare", "leave-out:a")
    assert "column source" in error.value.hint


def test_a_single_source_and_shared_patients_are_refused(tmp_path: Path) -> None:
    root = hospitals(tmp_path / "films", patients="p{i}")
    with pytest.raises(DataError, match="and in another source: p0, p1, p2"):
        load(root, "leave-out:a")
    rows = (root / "manifest.csv").read_text().splitlines()[:9]
    (root / "manifest.csv").write_text("\n".join(rows))
    with pytest.raises(DataError, match="all training films are from the source 'a'"):
        load(root, "leave-out:a")
