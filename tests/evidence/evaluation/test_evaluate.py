"""``pneumoscope evaluate``, from folders of small films to its files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

for module in ("cv2", "scipy", "sklearn", "pyarrow", "matplotlib", "reportlab"):
    pytest.importorskip(module)


from documented_output import undocumented
from evaluations import BRIGHT, DARK, QUICK, Run, film, folders, manifest
from pneumoscope.bundle import Bundle
from pneumoscope.installation import install_command


@pytest.mark.slow
def test_forty_films_without_patient_keys(
    evaluate: Run, quick: None, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK, PNEUMONIA=BRIGHT)
    code, metrics, err = evaluate(
        tiny_bundle.path, films, "--draws", "200", "--prevalence", "0.1", "--skip", "sanity",
        "--skip", "anatomy",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert (metrics["films"]["films"], metrics["films"]["patients"]) == (40, 40)
    assert (metrics["films"]["keyed"], metrics["films"]["split"]) == (0, "all")
    assert "counts as a separate patient" in metrics["films"]["limits"][0]
    (bundle,) = metrics["bundles"]
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
    assert metrics["silences"]["pairs"].startswith("one bundle")
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
    (contrast,) = metrics["shortcuts"]
    grey = next(s for s in contrast["scores"] if s["feature"] == "mean grey level")
    assert grey["auc"]["value"] == pytest.approx(pairs)
    assert metrics["seconds"]["bootstrap"] > 0
    assert bundle["seconds_per_thousand"] > 0


def test_a_missing_class_is_named(evaluate: Run, tmp_path: Path, tiny_bundle: Bundle) -> None:
    films = folders(tmp_path / "films", normal=DARK, bacterial=BRIGHT)
    code, metrics, _ = evaluate(tiny_bundle.path, films, *QUICK)
    assert code == 0
    (bundle,) = metrics["bundles"]
    (target,) = bundle["targets"]
    for record in (metrics, metrics["films"], bundle, bundle["verdicts"], target):
        assert undocumented("evaluate", record) == []
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
    code, metrics, _ = evaluate(
        tiny_bundle.path, films, "--draws", "200", "--skip", "sanity", "--only", "calibration",
        "--only", "decision", "--only", "anatomy", "--only", "shortcuts", "--only", "gallery",
    )  # fmt: skip
    assert code == 0
    (bundle,) = metrics["bundles"]
    (target,) = bundle["targets"]
    assert target["ranking"]["roc_auc"]["value"] is None
    assert target["points"][0]["figures"]["specificity"]["value"] == pytest.approx(0.9)
    assert target["points"][0]["figures"]["sensitivity"]["value"] is None
    assert any("no ROC AUC, and no sensitivity" in words for words in bundle["warnings"])
    assert bundle["silences"]["anatomy"] == "all films are of one class"
    assert bundle["silences"]["robustness"] == "left out on request"
    assert metrics["silences"]["shortcuts"] == "the films' labels tell no two groups apart"


@pytest.mark.slow
def test_several_findings(evaluate: Run, tmp_path: Path, findings_bundle: Bundle) -> None:
    root = tmp_path / "films"
    rows = []
    for i, grey in enumerate(DARK + BRIGHT):
        film(root / f"{i:02d}.png", grey, seed=i)
        sex, nodule = "FM"[i % 2], ("", "0")[i % 2]
        rows.append(f"{i:02d}.png,p{i // 2},{sex},{i},{int(i >= 20)},{nodule}")
    file = manifest(root, "path,patient,Sex,Age,Mass,Nodule", *rows)
    code, metrics, _ = evaluate(findings_bundle.path, file, *QUICK, "--by", "Sex", "--by", "age")
    assert code == 0
    (bundle,) = metrics["bundles"]
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
    predictions = json.loads((tmp_path / "evidence" / "predictions.json").read_text())
    assert (predictions["negative"], len(predictions["films"])) == (None, 40)


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
        code, metrics, err = evaluate(*arguments, out=tmp_path / f"out{i}")
        assert (code, metrics) == (1, {}), words
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


@pytest.mark.slow
def test_anatomy_and_heatmap_checks(
    evaluate: Run, quick: None, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK, PNEUMONIA=BRIGHT)
    code, metrics, _ = evaluate(
        tiny_bundle.path, films, "--draws", "200", "--only", "anatomy", "--only", "sanity"
    )
    assert code == 0
    (bundle,) = metrics["bundles"]
    assert bundle["anatomy_of"] == "PNEUMONIA"
    views = {view["name"]: view for view in bundle["anatomy"]["views"]}
    pairs = sum(b > d for b in BRIGHT for d in DARK) / 400
    assert views["as they are"]["roc_auc"]["value"] == pytest.approx(pairs)
    assert bundle["sanity"]["perturbation"]["films"] == 40
    assert bundle["targets"][0]["calibration"] is None
