from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from drawn import name_films
from pneumoscope.data.film_files import (
    films_below,
    folders_in,
    holds_masks,
    is_mask,
    masks_below,
    stem_of,
)


@pytest.mark.parametrize(
    "path",
    ["COVID/masks/a.png", "mask/a.png", "x/lung masks/a.png", "infection_masks/a.png",
     "ManualMask/leftMask/a.png", "Segmentation/a.png", "Ground-truths/mask_a.png",
     "tb/GT/a.png", "tb/Heat maps/a.png", "tb/overlays/a.png", "CHNCXR_0001_0_mask.png", "a-Mask.png", "mask_a.png",
     "COVID/Masks_Lung/a.png", "lung masks png/a.png", "MASKS-v2/a.png", "lungmasks/a.png", "a_mask_left.png", "1Mask.png", "a_leftmask.png",
     "a_mask_2.png", "a_seg.png", "masks left/a.png", "Mask images/a.png", "masks_512/a.png", "masks_resized/a.png", "masks-256x256/a.png",
     "images_with_masks/a.png", "CHNCXR_0001_0_with_mask.png", "test_masks/a.png", "effusion_masks/a.png"],
)  # fmt: skip
def test_masks_by_name(path: str) -> None:
    assert is_mask(PurePosixPath(path))


@pytest.mark.parametrize(
    "path",
    ["images/a.png", "masked/a.png", "unmasked films/a.png", "damask/a.png", "Lung Segmentation Data/a.png",
     "a_masked.png", "normal/p1.png", "gas_mask_on_face.png", "maskless/a.png",
     "without mask/a.png", "no_mask/a.png", "NoMask/a.png", "with_mask/a.png", "mask_on/a.png", "Mask off/a.png",
     "N95-mask/a.png", "face masks/a.png", "OxygenMask/a.png", "patient oxygen mask/a.png", "a_without_mask.png"],
)  # fmt: skip
def test_films_by_name(path: str) -> None:
    assert not is_mask(PurePosixPath(path))


@pytest.mark.parametrize(
    ("name", "stem"),
    [("a.dcm", "a"), ("a.b.DICOM", "a.b"), ("1.2.840.1", "1.2.840.1"), ("a.final", "a.final")],
)
def test_the_name_of_a_film_without_its_ending(name: str, stem: str) -> None:
    assert stem_of(name) == stem


def test_films_below_a_folder_are_no_masks(tmp_path: Path) -> None:
    names = ["masks/COVID/images/1.png", "masks/COVID/masks/1.png", "masks/b_mask.png"]
    folder = name_films(tmp_path, *names, "masks/notes.txt") / "masks"
    # The name of the folder itself does not count.
    assert [p.name for p in films_below(folder)] == ["1.png"]
    assert masks_below(folder) == 2


def test_a_set_for_segmentation_is_called_like_its_masks(tmp_path: Path) -> None:
    name_films(
        tmp_path, "data/Lung Segmentation/CXR_png/1.png", "data/Lung Segmentation/masks/1_m.png"
    )
    name_films(tmp_path, "other/segmentation/NORMAL/2.png")
    assert [p.name for p in films_below(tmp_path)] == ["1.png"]
    assert masks_below(tmp_path) == 2
    assert holds_masks(tmp_path / "other/segmentation")
    assert not holds_masks(tmp_path / "data/Lung Segmentation")


def test_folders_without_hidden_ones(tmp_path: Path) -> None:
    name_films(tmp_path, "b/1.png", "a/1.png", ".git/1.png", "__MACOSX/1.png")
    assert [f.name for f in folders_in(tmp_path)] == ["a", "b"]
    assert folders_in(tmp_path / "typo") == []


def test_folders_of_systems_have_no_films(tmp_path: Path) -> None:
    """Recycle bins and previews became classes."""
    systems = (
        "$RECYCLE.BIN",
        "System Volume Information",
        "@eaDir",
        "lost+found",
        "__pycache__",
        ".Trash-1000",
    )
    name_films(
        tmp_path, "a/1.png", *(f"{s}/2.png" for s in systems), *(f"a/{s}/3.png" for s in systems)
    )
    assert [f.name for f in folders_in(tmp_path)] == ["a"]
    assert [p.name for p in films_below(tmp_path)] == ["1.png"]


def test_segmentations_of_lungs_are_masks(tmp_path: Path) -> None:
    name_films(tmp_path, "LungsSegmentation/1.png", "lungs_seg/1.png", "lung-segmentation/1.png")
    assert masks_below(tmp_path) == 3
