"""``pneumoscope evaluate --masks --boxes``: drawn films whose answers are counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

for module in ("cv2", "scipy", "sklearn", "pyarrow"):
    pytest.importorskip(module)

from drawn import name_films
from evaluations import Run, manifest
from lung_masks import mask
from pneumoscope.bundle import Bundle
from pneumoscope.data.boxes import Box
from pneumoscope.data.layouts import find
from pneumoscope.evidence.evaluation.annotations import Annotations
from pneumoscope.evidence.evaluation.localisation import NOTHING_DRAWN

ONLY = ("--only", "localisation", "--no-report", "--draws", "100")


def drawn_films(root: Path) -> Path:
    """Twelve ill films, black with a bright square, and twelve normal ones that are grey all over.

    The square of films 0 to 8 is in cell (3, 1) of the 8 x 8 map, in the left lung, that of films 9 to 11 in
    cell (0, 7), in a corner; resampling does not blur it into the next cells. The lungs are columns 1, 2 and
    5, 6 of the map.
    """
    for name in ("normal", "pneumonia"):
        for i in range(12):
            film = np.zeros((224, 224), np.uint8)
            if name == "normal":
                film[:] = 40 + i
            elif i < 9:
                film[92:104, 36:48] = 255
            else:
                film[8:20, 204:216] = 255
            path = root / "films" / name / f"{name}{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(film).save(path)
            mask(root / "lungs" / name / f"{name}{i}.png", 0, 255, 255, 0, 0, 255, 255, 0)
    return root / "films"


def by_name(localisation: dict[str, object]) -> dict[tuple[str, str], dict[str, object]]:
    regions = localisation["regions"]
    assert isinstance(regions, list)
    return {(r["region"], r["heat_of"]): r for r in regions}


def test_masks_of_a_folder(evaluate: Run, tmp_path: Path, tiny_bundle: Bundle) -> None:
    films = drawn_films(tmp_path)
    code, metrics, _ = evaluate(tiny_bundle.path, films, "--masks", tmp_path / "lungs", *ONLY)
    assert code == 0
    (bundle,) = metrics["bundles"]
    assert "localisation" not in bundle["silences"]
    result = bundle["localisation"]
    assert (result["masked"], result["boxed"], result["one_sided"]) == (24, 0, 0)
    regions = by_name(result)
    assert set(regions) == {("lungs", "PNEUMONIA"), ("lungs", "normal")}
    ill, well = regions["lungs", "PNEUMONIA"], regions["lungs", "normal"]
    assert (ill["films"], ill["blank"]) == (12, 0)
    # All of the heat of nine films is in the left lung, and none of that of three.
    assert ill["share"]["value"] == ill["peak"]["value"] == pytest.approx(0.75)
    assert ill["share"]["low"] < 0.75 < ill["share"]["high"]
    assert ill["area"] == well["area"] == 0.5
    # Even heat: as much inside as the area.
    assert well["share"]["value"] == well["peak"]["value"] == pytest.approx(0.5)
    views = {view["name"]: view for view in result["views"]}
    assert len(views) == 5
    assert (result["view_of"], result["view_films"], result["note"]) == ("PNEUMONIA", 24, "")
    # All lungs are alike, so the fixed mask is each film's own.
    assert (
        views["lungs blanked, one fixed mask"]["roc_auc"]
        == (views["lungs blanked, the film's own mask"]["roc_auc"])
    )
    assert result["hidden"] == 1.0
    assert 0.5 < result["area_own"] == pytest.approx(result["area_fixed"])


def of_boxes(
    evaluate: Run, bundle: Bundle, films: Path, table: Path, rows: list[str]
) -> dict[str, Any]:
    """The section for films and a table of boxes with these lines."""
    table.write_text("\n".join(rows) + "\n")
    code, metrics, _ = evaluate(bundle.path, films, "--boxes", table, *ONLY)
    assert code == 0
    result: dict[str, Any] = metrics["bundles"][0]["localisation"]
    return result


def test_boxes_of_rsnas_table(evaluate: Run, tmp_path: Path, tiny_bundle: Bundle) -> None:
    films = drawn_films(tmp_path)
    rows = ["patientId,x,y,width,height,Target"]
    # Boxes of 256 of 1024 pixels around the square of films 0 to 8; film 8 has another on the right.
    rows += [f"pneumonia{i},64,320,256,256,1" for i in range(12)]
    rows += ["pneumonia8,704,320,256,256,1"]
    rows += [f"normal{i},,,,,0" for i in range(12)]
    table = tmp_path / "stage_2_train_labels.csv"
    result = of_boxes(evaluate, tiny_bundle, films, table, rows)
    assert (result["masked"], result["boxed"], result["one_sided"]) == (0, 12, 11)
    regions = by_name(result)
    assert set(regions) == {("boxes", "PNEUMONIA"), ("ill side", "PNEUMONIA")}
    boxes, side = regions["boxes", "PNEUMONIA"], regions["ill side", "PNEUMONIA"]
    assert boxes["share"]["value"] == boxes["peak"]["value"] == pytest.approx(9 / 12)
    # 56 of 224 pixels in both directions, and twice as much for film 8.
    assert boxes["area"] == pytest.approx((11 + 2) / 12 / 16)
    assert (side["films"], side["area"]) == (11, 0.5)
    assert side["share"]["value"] == side["peak"]["value"] == pytest.approx(8 / 11)
    assert (result["views"], result["note"]) == ([], "no film has a lung mask")


def test_boxes_of_vindrs_table(evaluate: Run, tmp_path: Path, tiny_bundle: Bundle) -> None:
    """Two readers of film 8 drew boxes in both halves: their union counts."""
    films = drawn_films(tmp_path)
    rows = ["image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max"]
    rows += [f"pneumonia{i},Pneumonia,1,R1,14,70,70,126" for i in range(12)]
    rows += ["pneumonia8,Nodule,2,R2,154,70,210,126", "pneumonia8,No finding,14,R3,,,,"]
    rows += [f"normal{i},No finding,14,R1,,,," for i in range(12)]
    result = of_boxes(evaluate, tiny_bundle, films, tmp_path / "train.csv", rows)
    assert (result["masked"], result["boxed"], result["one_sided"]) == (0, 12, 11)
    boxes = by_name(result)["boxes", "PNEUMONIA"]
    assert boxes["share"]["value"] == boxes["peak"]["value"] == pytest.approx(9 / 12)
    assert boxes["area"] == pytest.approx((11 + 2) / 12 / 16)


def test_masks_and_boxes_of_a_manifest(evaluate: Run, tmp_path: Path, tiny_bundle: Bundle) -> None:
    drawn_films(tmp_path)
    rows = [
        f"pneumonia/pneumonia{i}.png,pneumonia,../lungs/pneumonia/pneumonia{i}.png,0.125 0.375 0.125 0.125"
        for i in range(12)
    ]
    table = manifest(tmp_path / "films", "path,label,mask,boxes", *rows)
    code, metrics, _ = evaluate(tiny_bundle.path, table, *ONLY)
    assert code == 0
    result = metrics["bundles"][0]["localisation"]
    regions = by_name(result)
    assert regions["boxes", "PNEUMONIA"]["share"]["value"] == pytest.approx(0.75)
    assert regions["boxes", "PNEUMONIA"]["area"] == pytest.approx(1 / 64)
    assert regions["lungs", "PNEUMONIA"]["peak"]["value"] == pytest.approx(0.75)
    assert result["note"] == "the films with a lung mask are of one class"


def test_nothing_drawn_says_so(evaluate: Run, tmp_path: Path, tiny_bundle: Bundle) -> None:
    code, metrics, _ = evaluate(tiny_bundle.path, drawn_films(tmp_path), *ONLY)
    assert code == 0
    (bundle,) = metrics["bundles"]
    assert bundle["localisation"] is None
    assert bundle["silences"]["localisation"] == NOTHING_DRAWN


def test_annotations_of_other_films_are_refused(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = drawn_films(tmp_path)
    mask(tmp_path / "others" / "x.png", 255)
    code, _, err = evaluate(tiny_bundle.path, films, "--masks", tmp_path / "others", *ONLY)
    assert code == 1
    assert "has no mask of these films" in err
    table = tmp_path / "labels.csv"
    table.write_text("patientId,x,y,width,height,Target\nx,,,,,0\n")
    code, _, err = evaluate(tiny_bundle.path, films, "--boxes", table, *ONLY)
    assert code == 1
    assert "has no boxes of these films" in err


def test_boxes_of_films_that_are_called_by_uids(tmp_path: Path) -> None:
    """A UID has dots, but no ending."""
    name_films(tmp_path, "films/1.2.840.1", "films/1.2.840.2")
    table = tmp_path / "labels.csv"
    table.write_text(
        "patientId,x,y,width,height,Target\n1.2.840.1,0,0,512,256,1\n1.2.840.2,,,,,0\n"
    )
    films = manifest(tmp_path / "films", "path,label", "1.2.840.1,ill", "1.2.840.2,normal")
    listing = Annotations(boxes=table).added_to(find(films))
    assert [entry.boxes for entry in listing.entries] == [(Box(0, 0, 0.5, 0.25),), ()]


def test_boxes_of_nih(tmp_path: Path) -> None:
    name_films(tmp_path, "films/a.png", "films/b.png")
    table = tmp_path / "BBox_List_2017.csv"
    table.write_text("Image Index,Finding Label,Bbox [x,y,w,h],,,\na.png,Mass,0,0,512,256\n")
    films = manifest(tmp_path / "films", "path,label", "a.png,ill", "b.png,normal")
    listing = Annotations(boxes=table).added_to(find(films))
    assert [entry.boxes for entry in listing.entries] == [(Box(0, 0, 0.5, 0.25),), None]
