"""``pneumoscope evaluate``, from folders of small films to its files."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

for module in ("cv2", "scipy", "sklearn", "pyarrow"):
    pytest.importorskip(module)

import pyarrow.parquet

from command_line import run
from pneumoscope import data
from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.cli.main import run as run_command
from pneumoscope.evidence.evaluation import film_reading, work
from pneumoscope.installation import install_command
from tiny import scored_meta, tiny_files, tiny_meta

Run = Callable[..., tuple[int, dict[str, Any], str]]
QUICK = ("--no-report", "--draws", "200", "--skip", "robustness", "--skip", "shortcuts", "--skip", "anatomy",
         "--skip", "sanity")  # fmt: skip


def film(path: Path, grey: int, seed: int = 0) -> None:
    """A film of 96 x 96 pixels: grain around a mean, which is all that the tiny network sees."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grain = np.random.default_rng(seed).integers(-20, 21, (96, 96))
    Image.fromarray((grey + grain - round(grain.mean())).astype(np.uint8)).save(path)


def folders(root: Path, **greys: list[int]) -> Path:
    """A folder per class with a film of every grey level."""
    for kind, levels in greys.items():
        for i, grey in enumerate(levels):
            film(root / kind / f"{kind}{i:02d}.png", grey, seed=100 * len(kind) + i)
    return root


def manifest(root: Path, header: str, *rows: str) -> Path:
    file = root / "manifest.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


@pytest.fixture
def evaluate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs the command; gives exit code, metrics ({} if there are none) and stderr."""

    def run(*arguments: object, out: Path | None = None) -> tuple[int, dict[str, Any], str]:
        target = out or tmp_path / "evidence"
        words = ["pneumoscope", "evaluate", *map(str, arguments), "--out", str(target)]
        monkeypatch.setattr(sys, "argv", [*words, "--threads", "1", "--cache", str(tmp_path / "c")])
        code = run_command()
        metrics = target / "metrics.json"
        found = json.loads(metrics.read_text(), parse_constant=refuse) if metrics.is_file() else {}
        return code, found, capsys.readouterr().err

    return run


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} in metrics.json")


# Means of 20 films a class: the tiny network's threshold 0.5 lies at grey 117.5, where
# exp(-4 + 8 m) (1 + 1/e) = 1 for m = grey / 255; its threshold 0.1 at grey 47.5.
DARK = [60, 70, 80, 90, 95, 99, 105, 109, 114, 111, 62, 72, 82, 92, 97, 102, 107, 112, 150, 160]
BRIGHT = [220, 210, 200, 190, 185, 180, 175, 170, 165, 162, 218, 208, 198, 188, 183, 178, 173, 168,
          110, 100]  # fmt: skip


@pytest.mark.slow
def test_forty_films_without_patient_keys(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK, PNEUMONIA=BRIGHT)
    code, found, err = evaluate(
        tiny_bundle.path, films, "--draws", "200", "--prevalence", "0.1", "--skip", "sanity",
        "--skip", "anatomy",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert (found["films"]["films"], found["films"]["patients"]) == (40, 40)
    assert (found["films"]["keyed"], found["films"]["split"]) == (0, "all")
    assert "counts as a separate patient" in found["films"]["limits"][0]
    (bundle,) = found["bundles"]
    assert not bundle["overlap"]["known"]
    # These may well be a part of the training films: the sentence must not rule that out.
    assert "is not known" in bundle["overlap"]["words"]
    (target,) = bundle["targets"]
    # 18 of 20 bright films lie above 117.5, 18 of 20 dark ones below.
    point = next(p for p in target["points"] if p["default"])
    assert point["confusion"]["counts"] == [[18, 2], [2, 18]]
    assert point["figures"]["sensitivity"]["value"] == pytest.approx(0.9)
    assert point["figures"]["specificity"]["value"] == pytest.approx(0.9)
    pairs = sum(b > d for b in BRIGHT for d in DARK) / 400
    assert target["ranking"]["roc_auc"]["value"] == pytest.approx(pairs)
    assert target["ranking"]["roc_auc"]["low"] < pairs < target["ranking"]["roc_auc"]["high"]
    # 0.9 * 0.1 / (0.9 * 0.1 + 0.1 * 0.9)
    assert point["at_prevalence"][0]["ppv"]["value"] == pytest.approx(0.5)
    # The folders do not tell bacterial from viral.
    assert bundle["classes"] is None
    # Sets need the positive films only; the tiny bundle has no limits of its own.
    assert "conformal" not in bundle["silences"]
    assert target["conformal"]["shipped"] is None
    assert set(target["conformal"]["recalibrated"]["by_class"]) == {"normal", "PNEUMONIA"}
    assert "does not tell which class" in bundle["warnings"][0]
    assert found["silences"]["pairs"].startswith("one bundle")
    names = {(c["kind"], c["severity"]) for c in bundle["robustness"]["conditions"]}
    assert len(names) == 65
    # Contrast x 0.3 around each film's mean leaves the mean, so all figures.
    low = [c for c in bundle["robustness"]["conditions"] if c["kind"] == "contrast-low"]
    assert low[4]["figures"]["roc_auc"]["value"] == pytest.approx(pairs)
    whole = [
        c for c in bundle["robustness"]["conditions"] if c["words"].endswith("100% of its negative")
    ]
    assert whole[0]["figures"]["roc_auc"]["value"] == pytest.approx(1 - pairs)
    assert whole[0]["change"]["roc_auc"]["verdict"].startswith("The untouched films' figure")
    assert bundle["robustness"]["worst"]["roc_auc"][0] == "negative"
    kinds = [f["kind"] for f in bundle["gallery"]["films"]]
    assert kinds[:4] == ["false positive"] * 2 + ["false negative"] * 2
    assert bundle["gallery"]["films"][0]["path"].endswith("NORMAL19.png")  # grey 160
    assert bundle["gallery"]["films"][2]["path"].endswith("PNEUMONIA19.png")  # grey 100
    (contrast,) = found["shortcuts"]
    grey = next(s for s in contrast["scores"] if s["feature"] == "mean grey level")
    assert grey["auc"]["value"] == pytest.approx(pairs)
    assert found["seconds"]["bootstrap"] > 0
    assert bundle["seconds_per_thousand"] > 0


def test_predictions_stand_in_the_table(evaluate: Run, tmp_path: Path, tiny_bundle: Bundle) -> None:
    films = folders(tmp_path / "films", normal=DARK, bacterial=BRIGHT[:10], viral=BRIGHT[10:])
    code, found, _ = evaluate(tiny_bundle.path, films, *QUICK)
    assert code == 0
    table = pyarrow.parquet.read_table(tmp_path / "evidence" / "predictions.parquet").to_pylist()
    assert len(table) == 40
    row = next(r for r in table if r["path"] == "normal/normal00.png")
    m = 60 / 255
    odds = math.exp(-4 + 8 * m) * (1 + math.exp(-1))
    assert row["p_positive"] == pytest.approx(odds / (1 + odds), abs=2e-3)
    assert row["p:normal"] + row["p:bacterial"] + row["p:viral"] == pytest.approx(1, abs=1e-6)
    assert (row["label"], row["call:balanced"], row["call:screen"]) == (
        "normal", "NORMAL", "PNEUMONIA",
    )  # fmt: skip
    assert row["bundle_sha256"] == tiny_bundle.sha256
    assert len(row["file_sha256"]) == 64
    assert row["error"] is None
    classes = found["bundles"][0]["classes"]
    # No film is likelier viral than bacterial: the tiny logits differ by 1 for every film.
    assert [row[2] for row in classes["most_probable"]["confusion"]["counts"]] == [0, 0, 0]
    assert classes["ranking"]["macro"]["roc_auc"]["value"] is not None
    (target,) = found["bundles"][0]["targets"]
    assert set(target["conformal"]["recalibrated"]["by_class"]) == {"normal", "PNEUMONIA"}
    subtypes = {g["value"]: g for g in target["subgroups"]}
    assert subtypes["viral"]["positives"] == 10
    assert subtypes["viral"]["figures"]["sensitivity"]["value"] == pytest.approx(0.8)


def scored_films(root: Path) -> Path:
    """The films above, and four that are too small to be judged: three normal ones and an ill one.

    With the limits of `tiny.scored_meta` films are NORMAL up to grey 73.3, where P is 0.2, PNEUMONIA
    from grey 144.5 on, where P is 0.7, and UNDETERMINED in between.
    """
    folders(root, NORMAL=DARK, PNEUMONIA=BRIGHT)
    for name, grey in (("NORMAL/a", 60), ("NORMAL/b", 160), ("NORMAL/c", 60), ("PNEUMONIA/d", 200)):
        Image.fromarray(np.full((72, 72), grey, np.uint8)).save(root / f"{name}.png")
    return root


def test_verdicts_are_counted_as_readers_see_them(evaluate: Run, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "scored", scored_meta(), tiny_files(tmp_path / "parts"))
    films = scored_films(tmp_path / "films")
    code, found, _ = evaluate(bundle.path, films, *QUICK)
    assert code == 0
    verdicts = found["bundles"][0]["verdicts"]
    assert (verdicts["films"], verdicts["known"], verdicts["error"]) == (44, 44, 0.05)
    assert (verdicts["operating_point"], verdicts["classes"]) == (
        "balanced",
        ["NORMAL", "PNEUMONIA"],
    )
    labels = {label["label"]: label for label in verdicts["labels"]}
    # Of 23 normal films 4 are up to grey 73 and 2 from 145 on, 3 are too small; of 21 ill ones 18
    # are from 145 on, 1 is too small.
    assert {name: label["counts"] for name, label in labels.items()} == {
        "NORMAL": {"NORMAL": 4, "PNEUMONIA": 0},
        "PNEUMONIA": {"NORMAL": 2, "PNEUMONIA": 18},
        "UNDETERMINED": {"NORMAL": 14, "PNEUMONIA": 2},
        "REFUSED": {"NORMAL": 3, "PNEUMONIA": 1},
    }
    shares = {name: label["share"]["value"] for name, label in labels.items()}
    assert shares == pytest.approx(
        {"NORMAL": 4 / 44, "PNEUMONIA": 20 / 44, "UNDETERMINED": 16 / 44, "REFUSED": 4 / 44}
    )
    refused = labels["REFUSED"]
    assert refused["share"]["low"] < 4 / 44 < refused["share"]["high"]
    assert refused["by_class"]["NORMAL"]["value"] == pytest.approx(3 / 23)
    # Calls at grey 117.5: the undetermined ill films, 110 and 100, and the refused normal one of 160.
    errors = {name: label["error"]["value"] for name, label in labels.items()}
    assert errors == pytest.approx(
        {"NORMAL": 0, "PNEUMONIA": 2 / 20, "UNDETERMINED": 2 / 16, "REFUSED": 1 / 4}
    )
    shown = verdicts["shown"]
    assert (shown["films"], shown["error"]["value"]) == (24, pytest.approx(2 / 24))
    assert (shown["sensitivity"]["value"], shown["specificity"]["value"]) == (1.0, 4 / 6)
    # Of the films that are not refused; between the limits sets are empty.
    assert verdicts["coverage"]["NORMAL"]["value"] == pytest.approx(4 / 20)
    assert verdicts["coverage"]["PNEUMONIA"]["value"] == pytest.approx(18 / 20)
    (reason,) = verdicts["gate"]
    assert (reason["code"], reason["refused"], reason["noted"]) == ("too-small", 4, 40)
    assert reason["by_class"] == {"NORMAL": 3, "PNEUMONIA": 1}
    groups = {group["value"]: group for group in verdicts["groups"]}
    assert groups["NORMAL"]["labels"]["UNDETERMINED"]["value"] == pytest.approx(14 / 23)
    assert groups["NORMAL"]["shown_error"]["value"] == pytest.approx(2 / 6)

    (target,) = found["bundles"][0]["targets"]
    assert target["films"] == 44
    with_verdict = target["with_verdict"]
    assert (with_verdict["films"], with_verdict["positives"]) == (24, 18)
    assert with_verdict["ranking"]["roc_auc"]["value"] == 1.0
    assert with_verdict["figures"]["specificity"]["value"] == pytest.approx(4 / 6)
    shipped = target["conformal"]["shipped"]
    assert (shipped["films"], shipped["limits"]) == (40, [0.8, 0.7])
    assert shipped["by_class"]["normal"]["value"] == pytest.approx(4 / 20)
    assert (shipped["empty"]["value"], shipped["undetermined"]["value"]) == (16 / 40, 0.0)
    assert shipped["error_of_single"]["value"] == pytest.approx(2 / 24)

    rows = pyarrow.parquet.read_table(tmp_path / "evidence" / "predictions.parquet").to_pylist()
    by_path = {row["path"]: row for row in rows}
    small = by_path["NORMAL/b.png"]
    assert (small["label"], small["verdict"], small["set"]) == ("NORMAL", "REFUSED", ["PNEUMONIA"])
    assert (small["gate"], small["gate_codes"]) == ("refuse", ["too-small"])
    bright = by_path["PNEUMONIA/PNEUMONIA00.png"]
    assert (bright["verdict"], bright["gate"]) == ("PNEUMONIA", "note")
    assert bright["kinds"] == ["bacterial", "viral"]
    assert by_path["NORMAL/NORMAL02.png"]["set"] == []


def test_the_summary_says_how_many_films_get_no_verdict(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "scored", scored_meta(), tiny_files(tmp_path / "parts"))
    films = scored_films(tmp_path / "films")
    done = run("evaluate", bundle.path, films, "--out", tmp_path / "out", *QUICK)
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    assert "NORMAL PNEUMONIA UNDETERMINED REFUSED wrong verdicts" in shown
    assert re.search(r"0\.364 \[0\.\d{3}, 0\.\d{3}\]", shown)  # 16 of 44
    assert re.search(r"0\.091 \[0\.\d{3}, 0\.\d{3}\]", shown)  # 4 of 44


def test_the_leaderboard_reads_the_predictions(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    from pneumoscope.train import leaderboard

    films = folders(tmp_path / "films", normal=DARK, bacterial=BRIGHT[:10], viral=BRIGHT[10:])
    two = write_bundle(tmp_path / "two", tiny_meta(name="two"), tiny_files(tmp_path / "parts"))
    assert evaluate(tiny_bundle.path, two.path, films, *QUICK)[0] == 0
    found = leaderboard.blind_predictions([tmp_path / "evidence" / "predictions.json"])
    (by_bundle,) = found.values()
    assert set(by_bundle) == {tiny_bundle.sha256, two.sha256}
    assert by_bundle[two.sha256].truth.tolist() == [1] * 10 + [0] * 20 + [2] * 10


def test_a_missing_class_is_named(evaluate: Run, tmp_path: Path, tiny_bundle: Bundle) -> None:
    films = folders(tmp_path / "films", normal=DARK, bacterial=BRIGHT)
    code, found, _ = evaluate(tiny_bundle.path, films, *QUICK)
    assert code == 0
    (bundle,) = found["bundles"]
    assert "no film of class viral" in bundle["warnings"]
    viral = bundle["classes"]["ranking"]["classes"]["viral"]["roc_auc"]
    assert viral["value"] is None
    assert "one class" in viral["note"]
    assert "without viral" in bundle["classes"]["ranking"]["macro"]["roc_auc"]["note"]


@pytest.mark.slow
def test_one_class_only_has_specificity_and_says_what_is_missing(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK)
    code, found, _ = evaluate(
        tiny_bundle.path, films, "--draws", "200", "--skip", "sanity", "--only", "calibration",
        "--only", "decision", "--only", "anatomy", "--only", "shortcuts", "--only", "gallery",
    )  # fmt: skip
    assert code == 0
    (bundle,) = found["bundles"]
    (target,) = bundle["targets"]
    assert target["ranking"]["roc_auc"]["value"] is None
    assert target["points"][0]["figures"]["specificity"]["value"] == pytest.approx(0.9)
    assert target["points"][0]["figures"]["sensitivity"]["value"] is None
    assert any("no ROC AUC, and no sensitivity" in words for words in bundle["warnings"])
    assert bundle["silences"]["anatomy"] == "all films are of one class"
    assert bundle["silences"]["robustness"] == "left out on request"
    assert found["silences"]["shortcuts"] == "the films' labels tell no two groups apart"


def test_broken_films_are_reported_and_count_nowhere(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK, PNEUMONIA=BRIGHT)
    whole = (films / "NORMAL" / "NORMAL03.png").read_bytes()
    (films / "NORMAL" / "NORMAL03.png").write_bytes(whole[: len(whole) // 2])
    (films / "PNEUMONIA" / "empty.png").write_bytes(b"")
    code, found, err = evaluate(tiny_bundle.path, films, *QUICK)
    assert code == 1
    assert "NORMAL03.png" in err
    assert "empty.png" in err
    assert err.count("hint: ") == 2
    assert found["films"]["films"] == 39
    assert {b["code"] for b in found["films"]["broken"]} == {"TruncatedImage", "EmptySource"}
    assert found["bundles"][0]["targets"][0]["points"][0]["confusion"]["counts"][0] == [17, 2]
    table = pyarrow.parquet.read_table(tmp_path / "evidence" / "predictions.parquet").to_pylist()
    assert sum(row["error"] is not None for row in table) == 2
    assert len(table) == 41


def test_bundles_are_compared_on_the_same_films(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK, PNEUMONIA=BRIGHT)
    other = write_bundle(
        tmp_path / "runs" / "other" / "bundle",
        tiny_meta(name="tiny", default_operating_point="screen"),
        tiny_files(tmp_path / "parts"),
    )
    code, found, _ = evaluate(tiny_bundle.path, other.path.parent, films, *QUICK)
    assert code == 0
    assert [b["title"] for b in found["bundles"]] == ["tiny 1 (1)", "tiny 1 (2)"]
    (pair,) = found["pairs"]
    assert pair["points"] == ["balanced", "screen"]
    assert pair["differences"]["roc_auc"]["difference"]["value"] == 0.0
    assert pair["delong"]["difference"]["note"] == "both models rank these films alike"
    # At 0.1 every film is called positive.
    assert pair["mcnemar"]["specificity"]["only_first"] == 18
    assert pair["mcnemar"]["sensitivity"]["only_second"] == 2
    assert "higher by" in pair["differences"]["specificity"]["verdict"]


def test_several_findings(evaluate: Run, tmp_path: Path, findings_bundle: Bundle) -> None:
    root = tmp_path / "films"
    rows = []
    for i, grey in enumerate(DARK + BRIGHT):
        film(root / f"{i:02d}.png", grey, seed=i)
        sex, nodule = "FM"[i % 2], ("", "0")[i % 2]
        rows.append(f"{i:02d}.png,p{i // 2},{sex},{i},{int(i >= 20)},{nodule}")
    file = manifest(root, "path,patient,Sex,Age,Mass,Nodule", *rows)
    code, found, _ = evaluate(findings_bundle.path, file, *QUICK, "--by", "Sex", "--by", "age")
    assert code == 0
    (bundle,) = found["bundles"]
    assert [t["name"] for t in bundle["targets"]] == ["Mass", "Nodule"]
    assert "findings that the films' labels do not tell: Device" in bundle["warnings"]
    mass, nodule = bundle["targets"]
    assert (mass["films"], mass["patients"], nodule["films"]) == (40, 20, 20)
    # Mass is called from m = 0.5, grey 127.5.
    assert mass["points"][0]["figures"]["sensitivity"]["value"] == pytest.approx(18 / 20)
    assert mass["points"][0]["confusion"]["labels"] == ["no Mass", "Mass"]
    assert nodule["ranking"]["roc_auc"]["value"] is None
    assert bundle["findings"]["macro"]["roc_auc"]["value"] == mass["ranking"]["roc_auc"]["value"]
    assert "without Device, Nodule" in bundle["findings"]["macro"]["roc_auc"]["note"]
    groups = {(g["column"], g["value"]): g for g in mass["subgroups"]}
    assert groups["Sex", "F"]["films"] == 20
    assert [v for c, v in groups if c == "age"] == [
        "0 to below 9.75", "9.75 to below 19.5", "19.5 to below 29.25", "29.25 to 39",
    ]  # fmt: skip
    assert groups["Sex", "F"]["against_rest"]["roc_auc"]["verdict"]
    assert not (tmp_path / "evidence" / "predictions.json").exists()


def test_films_of_the_training_are_told_from_those_held_out(evaluate: Run, tmp_path: Path) -> None:
    greys = {"NORMAL": DARK, "PNEUMONIA": BRIGHT}
    films = folders(tmp_path / "films", **greys)
    trained = data.load(films, 224, task="binary", share=0.25, seed=3, cache=tmp_path / "c")
    record = {
        "source": trained.source,
        "manifest_sha256": trained.manifest_sha256,
        "split_seed": 3,
        "films": {
            split: {
                name: int(trained.targets[trained.rows(split), i].sum())
                for i, name in enumerate(trained.names)
            }
            for split in ("train", "validation")
        },
    }
    bundle = three_as_two(tmp_path, record)
    code, found, _ = evaluate(bundle.path, films, *QUICK)
    assert code == 0
    assert found["films"]["films"] == len(trained.rows("validation")) == 10
    assert found["films"]["split"] == "validation"
    assert "held out in the bundle's training" in found["films"]["chosen"]
    overlap = found["bundles"][0]["overlap"]
    assert (overlap["known"], overlap["films"], overlap["patients"]) == (True, 0, 0)
    gallery = found["bundles"][0]["gallery"]
    assert gallery["training_films"] == 30
    held = {trained.films[i].path for i in trained.rows("validation")}
    near = [n for f in gallery["films"] for n in f["neighbours"]]
    assert near
    assert not held & {n["path"] for n in near}
    assert all(-1.0001 <= n["similarity"] <= 1.0001 for n in near)
    assert {n["same"] for n in near} == {True, False}

    code, found, _ = evaluate(bundle.path, films, *QUICK, "--split", "all")
    overlap = found["bundles"][0]["overlap"]
    assert (found["films"]["films"], overlap["films"]) == (40, 30)
    assert "figures are too good" in overlap["words"]

    film(films / "NORMAL" / "NORMAL00.png", 61)
    code, found, _ = evaluate(bundle.path, films, *QUICK)
    assert (found["films"]["split"], found["bundles"][0]["overlap"]["known"]) == ("all", False)
    assert "some may have been training films" in found["bundles"][0]["overlap"]["words"]


def test_doubts_about_training_films_stand_beside_the_figures(
    tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK[:6], PNEUMONIA=BRIGHT[:6])
    done = run("evaluate", tiny_bundle.path, films, "--out", tmp_path / "out", *QUICK)
    assert done.returncode == 0
    assert f"note: {tiny_bundle.meta.name}" in done.stdout
    assert "training film, or is of a training patient, is not known" in done.stdout


def three_as_two(folder: Path, record: dict[str, Any]) -> Bundle:
    """The tiny network says three classes; a binary bundle needs the first two of them only."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    files = tiny_files(folder / "parts2")
    model = onnx.load(str(files["model.onnx"]))
    for node in model.graph.node:
        if node.op_type == "Concat":
            del node.input[2]
    for tensor in model.graph.initializer:
        if tensor.name in ("slopes", "offsets"):
            values = numpy_helper.to_array(tensor)[..., :2]
            tensor.CopyFrom(numpy_helper.from_array(values.copy(), tensor.name))
    del model.graph.output[:]
    model.graph.output.extend(
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("heatmaps", TensorProto.FLOAT, ["n", 2, 8, 8]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 64]),
        ]
    )
    onnx.save(model, str(files["model.onnx"]))
    meta = tiny_meta(
        task="binary",
        labels=("NORMAL", "PNEUMONIA"),
        kinds=(),
        kinds_warning="",
        negative="NORMAL",
        recipe={"name": "tiny", "split": "patient", "validation": 0.25},
        data=record,
    )
    return write_bundle(folder / "binary", meta, files)


def test_a_killed_evaluation_goes_on(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK, PNEUMONIA=BRIGHT)
    monkeypatch.setattr(work, "BLOCK", 16)
    read, write = [], film_reading._read

    def slow(entry: Any, side: int) -> Any:
        read.append(entry.name)
        if len(read) == 20:
            raise KeyboardInterrupt
        return write(entry, side)

    monkeypatch.setattr(film_reading, "_read", slow)
    code, found, _ = evaluate(tiny_bundle.path, films, *QUICK)
    assert (code, found) == (130, {})
    # The first block of 16 was kept; the second is read again.
    count = len(read)
    code, found, _ = evaluate(tiny_bundle.path, films, *QUICK)
    assert code == 0
    assert len(read) - count == 24
    again = dict(found)
    monkeypatch.setattr(film_reading, "_read", refuse)
    code, found, _ = evaluate(tiny_bundle.path, films, *QUICK)
    assert code == 0
    assert found["bundles"][0]["targets"] == again["bundles"][0]["targets"]
    assert not list((tmp_path / "evidence").rglob("*.part"))


def test_one_predicts_as_the_product_does(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    from pneumoscope.runtime import load

    films = folders(tmp_path / "films", NORMAL=DARK[:3], PNEUMONIA=BRIGHT[:3])
    evaluate(tiny_bundle.path, films, *QUICK)
    table = pyarrow.parquet.read_table(tmp_path / "evidence" / "predictions.parquet").to_pylist()
    classifier = load(tiny_bundle)
    for row in table:
        prediction = classifier.predict(films / row["path"])
        assert row["p_positive"] == prediction.p_positive
        assert row["call:balanced"] == prediction.label


def wrong(tmp_path: Path, bundle: Bundle, findings: Bundle) -> Iterator[tuple[list[object], str]]:
    films = folders(tmp_path / "films", NORMAL=DARK[:3], PNEUMONIA=BRIGHT[:3])
    yield [bundle.path, tmp_path / "flims"], "no such folder"
    yield [tmp_path / "nothing", films], "no such folder"
    yield [films, bundle.path], "is a bundle; the last path"
    yield [bundle.path, bundle.path, films], "given twice"
    yield [bundle.path, films, "--split", "testing"], "split 'testing' is unknown"
    yield [bundle.path, films, "--split", "test"], "no film for test"
    yield [bundle.path, films, "--prevalence", "5"], "--prevalence 5 is not between"
    yield [bundle.path, films, "--only", "robust"], "--only robust: no such section"
    yield [bundle.path, films, "--by", "sex"], "has no table with columns"
    film(tmp_path / "loose" / "a.png", 90)
    yield [bundle.path, tmp_path / "loose"], "no film has a label"
    other = folders(tmp_path / "other", TUBERCULOSIS=[90, 91], HERNIA=[100])
    yield [bundle.path, other], "which says nothing to the bundle"
    yield [findings.path, other], "which says nothing to the bundle"
    broken = tmp_path / "broken" / "NORMAL" / "a.png"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"")
    yield [bundle.path, tmp_path / "broken"], "no film can be read"
    table = manifest(tmp_path, "path,label,sex", "films/NORMAL/NORMAL00.png,normal,F")
    yield [bundle.path, table, "--by", "age"], "has no such column"


def test_wrong_input_ends_with_an_error_and_leaves_no_report(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle, findings_bundle: Bundle
) -> None:
    for i, (arguments, words) in enumerate(wrong(tmp_path, tiny_bundle, findings_bundle)):
        code, found, err = evaluate(*arguments, out=tmp_path / f"out{i}")
        assert (code, found) == (1, {}), words
        assert words in err, err
        assert "hint: " in err, err


def test_a_folder_of_something_else_is_left_alone(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK[:3], PNEUMONIA=BRIGHT[:3])
    for out, words in (
        (films, "holds the films"),
        (films / "NORMAL", "is not empty and no evaluation"),
        (films / "NORMAL" / "NORMAL00.png", "is not a folder"),
    ):
        code, _, err = evaluate(tiny_bundle.path, films, out=out)
        assert code == 1
        assert words in err
    assert len(list(films.rglob("*"))) == 8


def test_without_the_extra_the_error_says_what_to_install(
    evaluate: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    whole = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "pyarrow" else whole(name, *a)
    )
    code, _, err = evaluate(tmp_path)
    assert code == 1
    assert install_command("evidence") in err


def test_auto_takes_what_the_data_keep_apart(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", normal=DARK[:9], viral=BRIGHT[:9])
    rows = [f"{p.relative_to(tmp_path)},{p.parent.name}" for p in sorted(films.rglob("*.png"))]
    for splits, wanted, count in (
        (("train", "validation", "test"), "test", 6),
        (("train", "validation", "validation"), "validation", 12),
        (("train", "train", "train"), "all", 18),
    ):
        lines = [f"{row},{splits[i % 3]}" for i, row in enumerate(rows)]
        table = manifest(tmp_path, "path,label,split", *lines)
        code, found, _ = evaluate(tiny_bundle.path, table, *QUICK, "--only", "decision")
        assert code == 0
        assert (found["films"]["split"], found["films"]["films"]) == (wanted, count)
    assert found["films"]["warnings"] == [
        "films that the data keep for training are among them: 18"
    ]


def test_films_labelled_otherwise_are_left_out_and_counted(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK[:12], PNEUMONIA=BRIGHT[:12], COVID=[150, 151])
    code, found, _ = evaluate(tiny_bundle.path, films, *QUICK)
    assert code == 0
    assert found["films"]["films"] == 24
    assert "says nothing to any bundle, left out: 2" in " ".join(found["films"]["warnings"])


def test_a_test_folder_of_the_kermany_set_alone_has_its_subtypes(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    for i in range(6):
        film(tmp_path / "test" / "NORMAL" / f"IM-{i:04d}-0001.jpeg.png", 80 + i, i)
        film(tmp_path / "test" / "PNEUMONIA" / f"person{i}_virus_{i}.png", 180 + i, i)
        film(tmp_path / "test" / "PNEUMONIA" / f"person{i}_bacteria_{i}.png", 190 + i, i)
    for root in (tmp_path / "test", tmp_path):
        out = tmp_path / f"out-{root.name}"
        code, found, _ = evaluate(tiny_bundle.path, root, *QUICK, out=out)
        assert code == 0
        assert found["films"]["labels"] == {"bacterial": 6, "normal": 6, "viral": 6}
        assert found["films"]["patients"] == 18
        assert found["bundles"][0]["classes"]["films"] == 18
    assert found["films"]["split"] == "test"


@pytest.mark.slow
def test_anatomy_and_heatmap_checks(evaluate: Run, tmp_path: Path, tiny_bundle: Bundle) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK, PNEUMONIA=BRIGHT)
    code, found, _ = evaluate(
        tiny_bundle.path, films, "--draws", "200", "--only", "anatomy", "--only", "sanity"
    )
    assert code == 0
    (bundle,) = found["bundles"]
    assert bundle["anatomy_of"] == "PNEUMONIA"
    views = {view["name"]: view for view in bundle["anatomy"]["views"]}
    pairs = sum(b > d for b in BRIGHT for d in DARK) / 400
    assert views["as they are"]["roc_auc"]["value"] == pytest.approx(pairs)
    assert bundle["sanity"]["perturbation"]["films"] == 40
    assert bundle["targets"][0]["calibration"] is None
