"""``pneumoscope calibrate``: what it refuses before it reads a film."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib"):
    pytest.importorskip(module, reason="needs the [evidence] extra")

from command_line import run
from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.decision.profile import read_profile, write_profile
from site_films import site_data
from tiny import site_profile, tiny_files, tiny_meta


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "."), ".: is a folder"),
        (("--out", "thesis.tex"), "thesis.tex: exists and is not a site profile"),
        (("--report", "thesis.tex"), "thesis.tex: exists and is no HTML page"),
        (("--from-profile", "old.json"), "--from-profile needs the older bundle, too"),
        (("--prevalence", "5"), "--prevalence 5 is not between 0 and 1"),
    ],
)
def test_options_that_cannot_be_met(
    tiny: tuple[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films").mkdir()
    (tmp_path / "thesis.tex").write_text("chapter one")
    done = run("calibrate", "films", *options, *tiny)
    assert done.returncode == 1
    assert message in done.stderr
    assert "hint:" in done.stderr
    assert (tmp_path / "thesis.tex").read_text() == "chapter one"


def test_data_that_do_not_exist_are_refused_before_a_bundle_is_chosen(tmp_path: Path) -> None:
    done = run("calibrate", tmp_path / "none", "--out", tmp_path / "site.json")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: {tmp_path / 'none'}: no such folder",
        "hint: Give the folder of the films, or a CSV manifest.",
    ]
    assert not list(tmp_path.iterdir())


def test_a_bundle_is_not_its_own_predecessor(tiny: tuple[str, Path], tmp_path: Path) -> None:
    out = ("--out", tmp_path / "site.json")
    done = run("calibrate", tmp_path, *out, *tiny, "--from", tiny[1])
    assert done.returncode == 1
    assert "--from names the bundle that is calibrated" in done.stderr


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    """Films of 45 healthy and 45 ill patients that the tiny network tells apart."""
    greys = [40 + i for i in range(45)], [180 + i for i in range(45)]
    return site_data(tmp_path / "ward", *greys)


def test_a_site_that_is_told_apart_is_a_go(
    tiny: tuple[str, Path], tiny_bundle: Bundle, ward: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "site.json"
    done = run("calibrate", ward, "--out", out, "--strict", *tiny)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == ("ward: 90 films of 90 patients; read: 45 normal, 45 pneumonia; tiny 1")
    assert lines[1] == "operating point threshold sensitivity specificity"
    assert lines[2].startswith("balanced (default) ")
    # 45 of 45: the exact interval begins at 0.025 ** (1 / 45) = 0.921.
    assert lines[2].endswith("1.000 [0.921, 1.000] 1.000 [0.921, 1.000]")
    assert lines[3].startswith("as the bundle has it 0.500 ")
    assert "GO" in lines
    assert lines[-1] == str(out)
    profile = read_profile(out)
    assert (profile.name, profile.verdict) == ("ward", "go")
    profile.check(tiny_bundle.title, tiny_bundle.sha256)
    assert [path.name for path in out.parent.iterdir()] == ["site.json"]


def test_json_has_the_profile_and_its_figures(
    tiny: tuple[str, Path], ward: Path, tmp_path: Path
) -> None:
    options = ("--out", tmp_path / "site.json", "--min-specificity", 0.99, "--strict", "--json")
    done = run("calibrate", ward, *options, "--name", "[Ward 7]", *tiny)
    assert done.returncode == 1  # no interval of 45 films lies above 0.99
    record = json.loads(done.stdout)
    assert (record["verdict"], record["profile"]["name"]) == ("no-go", "[Ward 7]")
    assert record["points"][0]["specificity"]["low"] == pytest.approx(0.025 ** (1 / 45))
    assert run("calibrate", ward, *options[:4], *tiny).returncode == 0  # not strict


@pytest.mark.slow
def test_an_older_bundle_s_points_are_shown_beside(
    tiny: tuple[str, Path], ward: Path, tmp_path: Path
) -> None:
    older = write_bundle(tmp_path / "older", tiny_meta(version="0"), tiny_files(tmp_path / "parts"))
    done = run("calibrate", ward, "--out", tmp_path / "site.json", "--from", older.path, *tiny)
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    assert "from the older bundle keeps change of sensitivity of specificity label changes" in shown


@pytest.mark.parametrize("where", ["calibrate", "write_profile"])
def test_an_interrupted_calibration_leaves_the_older_profile(
    tiny: tuple[str, Path], ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def broken(*_: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    out = tmp_path / "site.json"
    write_profile(out, site_profile(name="older"))
    before = out.read_bytes()
    module = "evidence.site.calibrate" if where == "calibrate" else "decision.profile"
    monkeypatch.setattr(f"pneumoscope.{module}.{where}", broken)
    done = run("calibrate", ward, "--out", out, *tiny)
    assert (done.returncode, done.stdout) == (1, "")
    assert "No space left on device" in done.stderr
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site.json", "ward"]


@pytest.mark.parametrize(
    ("data", "words"),
    [("none", "none"), ("empty", "empty"), ("unlabelled", "label")],
)
def test_films_that_say_nothing(
    tiny: tuple[str, Path], film_files: Path, tmp_path: Path, data: str, words: str
) -> None:
    (tmp_path / "empty").mkdir()
    film_files.rename(tmp_path / "unlabelled")
    done = run("calibrate", tmp_path / data, "--out", tmp_path / "site.json", *tiny)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert "hint: " in done.stderr
    assert not (tmp_path / "site.json").exists()
