"""``pneumoscope evaluate``: which paths are bundles, its folder, and its output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "pyarrow", "reportlab"):
    pytest.importorskip(module, reason="needs the [evidence] extra")

from command_line import run
from evaluations import BRIGHT, DARK, QUICK, folders
from pneumoscope.bundle import SHIPPED, Bundle
from pneumoscope.errors import DataError
from pneumoscope.evidence.evaluation.settings import SECTIONS, Settings


@pytest.fixture
def films(tmp_path: Path) -> Path:
    # The last dark film and the last bright one are called wrongly.
    return folders(tmp_path / "films", NORMAL=[*DARK[:5], 160], PNEUMONIA=[*BRIGHT[:5], 100])


def test_the_table_the_record_and_a_broken_film(
    tiny_bundle: Bundle, films: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "evidence"
    (films / "NORMAL" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = run("evaluate", tiny_bundle.path, films, "--out", out, *QUICK)
    assert done.returncode == 1  # of the broken film; the others are evaluated
    assert done.stderr.count("error:") == done.stderr.count("hint:") == 1
    assert "broken.png" in done.stderr
    shown = " ".join(done.stdout.split())
    assert "12 films" in shown
    assert "bundle question ROC AUC sensitivity specificity ECE" in shown
    # 5 of 6 ill films and 5 of 6 healthy ones are called right.
    assert shown.count("0.833") >= 2
    assert "verdicts as shown" in shown
    assert done.stdout.splitlines()[-1].startswith(str(out))
    files = {path.name for path in out.iterdir()}
    assert {"metrics.json", "predictions.parquet", "predictions.json"} <= files
    assert not {"report.html", "report.pdf"} & files


def test_data_that_do_not_exist_are_refused_before_a_bundle_is_chosen(tmp_path: Path) -> None:
    done = run("evaluate", tmp_path / "none", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: {tmp_path / 'none'}: no such folder",
        "hint: Give the folder of the films, or a CSV manifest.",
    ]
    assert not list(tmp_path.iterdir())


def test_figures_without_an_interval_say_why(tiny_bundle: Bundle, tmp_path: Path) -> None:
    """A bare 1.000 of six films looked like a proof."""
    few = folders(tmp_path / "few", NORMAL=DARK[:3], PNEUMONIA=BRIGHT[:3])
    done = run("evaluate", tiny_bundle.path, few, "--out", tmp_path / "e", *QUICK)
    assert (done.returncode, done.stderr) == (0, "")
    shown = " ".join(done.stdout.split())
    assert "1.000 (a)" in shown
    assert "(a) 6 patients are too few, 10 are needed" in shown
    assert "1.000 " not in shown.replace("1.000 (", "")


def test_json_is_the_record(tiny_bundle: Bundle, films: Path, tmp_path: Path) -> None:
    done = run(
        "evaluate", tiny_bundle.path, films, "--out", tmp_path / "e", *QUICK, "--json",
        "--prevalence", 0.05, "--prevalence", 0.2,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    record = json.loads(done.stdout)
    written = json.loads((tmp_path / "e" / "metrics.json").read_text())
    assert record["bundles"] == written["bundles"]
    assert record["films"] == written["films"]
    assert record["settings"]["prevalences"] == [0.05, 0.2]


def test_a_run_folder_names_its_bundle_and_none_is_the_shipped_one(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Any, ...]] = []

    def evaluate(
        data: Path, bundles: list[Path | None], context: Any, cache: Path | None, _drawn: Any
    ) -> Any:
        calls.append((data, bundles, context.settings, cache))
        raise DataError("films: enough for this test")

    monkeypatch.setattr("pneumoscope.evidence.evaluation.evaluate.evaluate", evaluate)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "bundle").symlink_to(tiny_bundle.path)
    (tmp_path / "films").mkdir()
    monkeypatch.chdir(tmp_path)
    for bundles in ((), ("run", tiny_bundle.path, "children")):
        assert run("evaluate", *bundles, "films", "--cache", "c").returncode == 1
    (first, second) = calls
    assert first[:2] == (Path("films"), [None])
    assert second[:2] == (Path("films"), [Path("run/bundle"), tiny_bundle.path, Path("children")])
    assert first[3] == Path("c")
    assert first[2].sections == SECTIONS
    assert (first[2].split, first[2].draws, first[2].seed) == ("auto", 2000, 0)
    assert not (tmp_path / "evidence" / "metrics.json").exists()


def test_options_reach_the_evaluation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings: list[Settings] = []
    annotations: list[Any] = []

    def evaluate(_data: Path, _bundles: Any, context: Any, _cache: Any, drawn: Any) -> NoReturn:
        settings.append(context.settings)
        annotations.append(drawn)
        raise DataError("enough")

    monkeypatch.setattr("pneumoscope.evidence.evaluation.evaluate.evaluate", evaluate)
    run(
        "evaluate", tmp_path, "--out", tmp_path / "e", "--only", "decision", "--only", "calibration",
        "--only", "pairs", "--skip", "pairs", "--split", "test", "--by", "sex", "--by", "view",
        "--draws", 50, "--seed", 3, "--threads", 2, "--masks", "m", "--masks", "n", "--boxes", "b.csv",
    )  # fmt: skip
    assert (annotations[0].masks, annotations[0].boxes) == ((Path("m"), Path("n")), Path("b.csv"))
    (chosen,) = settings
    assert chosen.sections == ("calibration", "decision")  # in the order of the report
    assert (chosen.split, chosen.by) == ("test", ("sex", "view"))
    assert (chosen.draws, chosen.seed, chosen.threads) == (50, 3, 2)


@pytest.mark.parametrize(
    ("arguments", "words", "hint"),
    [
        (("films", "--only", "everything"), "--only everything: no such section", "One of calib"),
        (("films", "--skip", "Sanity"), "--skip Sanity: no such section", "One of calibration"),
        (("films", "--out", "file"), "file: is not a folder", "Name a folder with --out."),
        (("films", "--out", "films"), "films: holds the films", "Name another folder with --out."),
        (("films", "--out", "thesis"), "thesis: is not empty and no evaluation", "a new folder"),
        (
            (str(SHIPPED),),
            "is a bundle; the last path is that of the films",
            "evaluate BUNDLE DATA",
        ),
        (("none",), "none", ""),
        (("films",), "films", ""),  # empty
    ],
)
def test_what_cannot_be_evaluated(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    words: str,
    hint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "one.tex").write_text("chapter one")
    done = run("evaluate", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert hint in done.stderr.split("hint:")[1]
    assert (tmp_path / "file").read_text() == "mine"
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["one.tex"]


def test_an_interrupted_evaluation_can_be_continued(
    tiny_bundle: Bundle, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> NoReturn:
        raise OSError("the disk is gone")

    out = tmp_path / "e"
    with monkeypatch.context() as patch:
        patch.setattr("pneumoscope.evidence.evaluation.record.write", broken)
        done = run("evaluate", tiny_bundle.path, films, "--out", out, *QUICK)
        assert (done.returncode, done.stdout) == (1, "")
        assert "the disk is gone" in done.stderr
    assert [path.name for path in out.iterdir()] == ["work"]
    done = run("evaluate", tiny_bundle.path, films, "--out", out, *QUICK)
    assert done.returncode == 0, done.stderr
    assert (out / "metrics.json").is_file()
