"""Lung masks beside films."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from drawn import draw, name_films
from lung_masks import mask
from pneumoscope import data
from pneumoscope.data.masks import read_mask, with_masks
from pneumoscope.errors import DataError


def test_lung_outside_and_unknown(tmp_path: Path) -> None:
    lungs = read_mask(mask(tmp_path / "a.png", 255, 127, 0, 200), 16)
    # Two pixels per column of the mask.
    assert lungs.lungs[0].tolist() == [True, True, *[False] * 4, True, True, *[False] * 8]
    assert lungs.judged[0].tolist() == [True, True, False, False, *[True] * 12]
    assert (lungs.lungs == lungs.lungs[:1]).all()


def test_a_mask_without_lung_or_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="shows no lung"):
        read_mask(mask(tmp_path / "a.png", 127), 8)
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="cannot be read as a mask"):
        read_mask(tmp_path / "b.png", 8)


def test_masks_have_the_paths_of_their_films(tmp_path: Path) -> None:
    draw(tmp_path / "films", "train/NORMAL/a.png", "train/NORMAL/b.png", "train/TB/a.png")
    for name in ("train/NORMAL/a.png", "TB/a.png"):
        mask(tmp_path / "lungs" / name, 255)
    listing = with_masks(data.find(tmp_path / "films"), [tmp_path / "lungs"])
    masks = {entry.name: entry.mask for entry in listing.entries}
    assert masks == {
        "train/NORMAL/a.png": tmp_path / "lungs/train/NORMAL/a.png",
        "train/NORMAL/b.png": None,
        "train/TB/a.png": tmp_path / "lungs/TB/a.png",
    }
    # The first folder that has a mask gives it.
    mask(tmp_path / "more/a.png", 255)
    mask(tmp_path / "more/b.png", 255)
    again = with_masks(listing, [tmp_path / "more"])
    assert [entry.mask for entry in again.entries if entry.name.endswith("b.png")] == [
        tmp_path / "more/b.png"
    ]
    assert again.entries[0].mask == tmp_path / "lungs/train/NORMAL/a.png"


def test_a_folder_without_these_masks(tmp_path: Path) -> None:
    draw(tmp_path / "films", "NORMAL/a.png", "TB/a.png")
    listing = data.find(tmp_path / "films")
    with pytest.raises(DataError, match="no such folder"):
        with_masks(listing, [tmp_path / "nowhere"])
    mask(tmp_path / "lungs/c.png", 255)
    with pytest.raises(DataError, match="has no mask of these films"):
        with_masks(listing, [tmp_path / "lungs"])


def test_a_data_sheet_says_where_the_masks_are(tmp_path: Path) -> None:
    names = [f"{kind}/{i}.png" for kind in ("normal", "tb") for i in range(4)]
    draw(tmp_path / "films", *names)
    mask(tmp_path / "lungs/tb/1.png", 255)
    sheet = tmp_path / "films" / "datasheet.toml"
    sheet.write_text('masks = "../lungs"\ncollection = "north"\n')
    films = data.load(
        tmp_path / "films", 64, task="binary", share=0.25, seed=0, cache=tmp_path / "cache"
    )
    assert [mask.resolve() if mask else None for mask in films.masks] == [
        *[None] * 5, (tmp_path / "lungs/tb/1.png").resolve(), None, None,
    ]  # fmt: skip
    assert {film.source for film in films.films} == {"north"}
    assert films.source == "class folders of films"
    assert films.sheet == data.find(tmp_path / "films").sheet
    counts = films.counts_by_source("validation")
    assert counts == {"north": {"normal": 1, "tb": 1}}
    sheet.write_text('licence = "CC0"\n')
    plain = data.load(
        tmp_path / "films", 64, task="binary", share=0.25, seed=0, cache=tmp_path / "cache"
    )
    assert (plain.masks, plain.counts_by_source("train")) == ((), {})
    # Neither masks nor sources change which films these are.
    assert plain.manifest_sha256 == films.manifest_sha256


def test_a_sheet_of_masks_leaves_the_facts_of_the_layout(films_folder: Path) -> None:
    before = data.find(films_folder)
    mask(films_folder / "masks" / "NORMAL" / "IM-0000-0000.png", 255)
    (films_folder / "datasheet.toml").write_text('masks = "masks"\n')
    listing = data.find(films_folder)
    assert listing.sheet == before.sheet
    assert listing.source == before.source
    assert sum(entry.mask is not None for entry in listing.entries) == 1


def test_films_that_are_called_by_uids_have_masks_of_their_own(tmp_path: Path) -> None:
    """The last number of a UID was once taken for an ending: all films of a series shared a mask."""
    name_films(tmp_path, "tb/1.2.840.1", "tb/1.2.840.2", "tb/1.2.840.3.dcm", "normal/1.2.841.1")
    for uid in ("1.2.840.1", "1.2.840.3"):
        mask(tmp_path / "lungs" / f"{uid}.png", 255)
    table = tmp_path / "films.csv"
    table.write_text(
        "path,label\ntb/1.2.840.1,tb\ntb/1.2.840.2,tb\ntb/1.2.840.3.dcm,tb\nnormal/1.2.841.1,normal\n"
    )
    listing = with_masks(data.find(table), [tmp_path / "lungs"])
    assert {entry.path.name: entry.mask and entry.mask.name for entry in listing.entries} == {
        "1.2.840.1": "1.2.840.1.png",
        "1.2.840.2": None,
        "1.2.840.3.dcm": "1.2.840.3.png",
        "1.2.841.1": None,
    }
