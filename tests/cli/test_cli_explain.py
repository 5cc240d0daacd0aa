from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line import run
from pneumoscope import load
from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.errors import UsageError
from pneumoscope.records import Settings
from tiny import tiny_files, tiny_meta


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny network, whose heat is the film itself, with a limit for either mode."""
    folder = tmp_path_factory.mktemp("strict")
    meta = tiny_meta(explanation={"limits": {"fast": 0.3, "checked": 0.3}})
    return write_bundle(folder / "bundle", meta, tiny_files(folder / "parts"))


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """An even film, whose map marks everything, and one with a bright part that drives the verdict."""
    folder = tmp_path / "films"
    folder.mkdir()
    Image.fromarray(np.full((224, 224), 204, np.uint8)).save(folder / "even.png")
    spot = np.full((224, 224), 30, np.uint8)
    spot[56:140, 56:140] = 255
    Image.fromarray(spot).save(folder / "spot.png")
    return folder


def pixels_of(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


@pytest.mark.parametrize("mode", ["fast", "checked"])
def test_json_says_whether_the_heatmap_holds(strict: Bundle, films: Path, mode: str) -> None:
    done = run("predict", films, "--json", "--explain", mode, "--bundle", strict.path)
    assert done.returncode == 0, done.stderr
    even, spot = (record["explanation"] for record in json.loads(done.stdout)["results"])
    assert (even["mode"], even["reliable"], even["score"]) == (mode, False, 0)
    # The bright part speaks against NORMAL, so the verdict does not depend on it as it should.
    assert (spot["reliable"], spot["limit"]) == (mode == "fast", 0.3)
    assert spot["score"] > 0.5
    assert even["sentence"].startswith("no reliable explanation: the heat is spread")
    assert ("depends" in spot["checks"]) == (mode == "checked")


def test_pictures_say_so_in_place_of_the_map(strict: Bundle, films: Path, tmp_path: Path) -> None:
    done = run(
        "predict", films, "--heatmaps", tmp_path, "--sheet", tmp_path / "s.html", "--csv",
        "--bundle", strict.path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    even, spot = csv.DictReader(io.StringIO(done.stdout))
    assert (even["explanation_reliable"], spot["explanation_reliable"]) == ("False", "True")
    hidden, shown = (pixels_of(row["heatmap_file"]) for row in (even, spot))
    assert (hidden[:150] == 204).all()
    assert (np.ptp(shown[:150], axis=2) > 30).any()
    page = (tmp_path / "s.html").read_text()
    assert page.count("No reliable explanation") == 1
    assert page.count("Heatmap for: ") == 1


def test_without_heatmaps(strict: Bundle, films: Path, tmp_path: Path) -> None:
    done = run(
        "predict", films, "--json", "--explain", "none", "--sheet", tmp_path / "s.html",
        "--bundle", strict.path,
    )  # fmt: skip
    assert [r["explanation"] for r in json.loads(done.stdout)["results"]] == [None, None]
    assert "No heatmap was asked for" in (tmp_path / "s.html").read_text()
    done = run("predict", films, "--explain", "none", "--heatmaps", tmp_path / "h")
    assert done.returncode == 2
    assert "exclude each other" in done.stderr
    prediction = load(strict, settings=Settings(explain="none")).predict(films / "even.png")
    assert (prediction.heatmap, prediction.explanation) == (None, None)


def test_the_table_tells_what_was_checked(strict: Bundle, films: Path) -> None:
    done = run("predict", films / "spot.png", "--explain", "checked", "--bundle", strict.path)
    assert "covering the marked region divides the odds of" in done.stdout
    assert "heatmap:" not in run("predict", films / "spot.png", "--bundle", strict.path).stdout


def test_the_mode_may_stand_in_the_environment(
    strict: Bundle, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_EXPLAIN", "checked")
    done = run("predict", films / "spot.png", "--json", "--bundle", strict.path)
    assert json.loads(done.stdout)["results"][0]["explanation"]["mode"] == "checked"
    monkeypatch.setenv("PNEUMOSCOPE_EXPLAIN", "deep")
    done = run("predict", films / "spot.png", "--bundle", strict.path)
    assert done.returncode == 1
    assert "Choose one of: none, fast, checked." in done.stderr


def test_a_bundle_without_limits_hides_nothing(tiny_bundle: Bundle, films: Path) -> None:
    explanation = load(tiny_bundle).predict(films / "even.png").explanation
    assert explanation is not None
    assert (explanation.reliable, explanation.limit, explanation.score) == (True, None, 0)
    assert "never set on films" in explanation.sentence


def test_occlusion_maps_are_written(tiny_bundle: Bundle, films: Path, tmp_path: Path) -> None:
    folder = tmp_path / "maps"
    done = run(
        "predict", films, films / "no.png", "--json", "--occlusion", folder, "--bundle",
        tiny_bundle.path,
    )  # fmt: skip
    assert done.returncode == 1  # of the film that is not there
    results = json.loads(done.stdout)["results"]
    assert [Path(r["occlusion_file"]).name for r in results[:2]] == [
        "even.png.occlusion.png",
        "spot.png.occlusion.png",
    ]
    assert "occlusion_file" not in results[2]
    assert sorted(p.name for p in folder.iterdir()) == [
        Path(r["occlusion_file"]).name for r in results[:2]
    ]
    with Image.open(results[1]["occlusion_file"]) as picture:
        assert picture.size[1] > 640


def test_occlusion_by_hand(tiny_bundle: Bundle, films: Path) -> None:
    classifier = load(tiny_bundle)
    spot = films / "spot.png"
    change = classifier.occlusion(spot)
    film = next(iter(classifier.predict_many([spot], keep_films=True))).film
    assert film is not None
    np.testing.assert_array_equal(classifier.occlusion(film), change)
    # Film of mean m is normal with the odds e^(4 - 8 m) / (1 + 1 / e). Covering bright parts lowers m and
    # speaks for normal; the cover of an even part changes nothing.
    assert classifier.predict(spot).label == "NORMAL"
    assert change.shape == (16, 16)
    assert change[6, 6] < -0.02
    assert np.abs(change[14:, 13:]).max() < 0.01


def test_an_occlusion_folder_must_be_one(tiny_bundle: Bundle, films: Path) -> None:
    done = run("predict", films, "--occlusion", films / "even.png", "--bundle", tiny_bundle.path)
    assert done.returncode == 1
    assert "is not a folder" in done.stderr


def test_a_mode_that_does_not_exist(tiny_bundle: Bundle) -> None:
    with pytest.raises(UsageError, match="explain 'deep'"):
        load(tiny_bundle, settings=Settings(explain="deep"))
