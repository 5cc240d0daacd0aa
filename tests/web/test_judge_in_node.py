"""What the page makes of the network's outputs, compared with `pneumoscope.runtime`."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from page_in_node import in_node
from pneumoscope import load
from pneumoscope.bundle import Bundle, names
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.decision.profile import write_profile
from pneumoscope.images.samples import sample_films
from pneumoscope.languages.current import speaking
from pneumoscope.records import Prediction, Settings
from pneumoscope.render import wording
from pneumoscope.render.localised import localised_result
from pneumoscope.render.serialise import prediction_to_json
from pneumoscope.runtime import Classifier, Reader
from pneumoscope.web.content import page_content
from tiny import site_profile

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
JUDGE = """
import { readFileSync } from "node:fs";
import { inLanguage, Judge } from "./judge.js";
const { page, films, language } = JSON.parse(readFileSync("input.json"));
const results = [];
for (const { input, facts, settings, outputs } of films) {
  const judge = new Judge(inLanguage(page, language), async (name) => outputs[name]);
  try {
    const { result, english } = await judge.judge({ input, facts, readMs: 1 }, settings);
    results.push({ ...result, english });
  } catch (error) {
    results.push({ error: error.code ?? String(error) });
  }
}
console.log(JSON.stringify(results));
"""
TABLE = """
import { readFileSync } from "node:fs";
import { csvOfFilms } from "./film-table.js";
const { records, labels } = JSON.parse(readFileSync("input.json"));
console.log(JSON.stringify(csvOfFilms(records, labels)));
"""


def film(name: str) -> np.ndarray:
    """A sample film, or a picture that the gate refuses."""
    if name == "noise":
        return np.random.default_rng(1).integers(0, 255, (300, 300)).astype(np.uint8)
    path = next(film for film in sample_films() if film.name == name.removeprefix("inverted "))
    pixels = np.asarray(Image.open(path).convert("L"))
    return 255 - pixels if name.startswith("inverted") else pixels


def written(outputs: Any) -> dict[str, Any]:
    """The outputs of one film as onnxruntime-web gives them."""
    values = {
        name: getattr(outputs, name) for name in ("probabilities", "heatmaps", "features", "lungs")
    }
    return {
        name: {"data": value.ravel().tolist(), "dims": list(value.shape)}
        for name, value in values.items()
        if value is not None
    }


def judged(
    folder: Path,
    classifiers: dict[str, Classifier],
    films: list[tuple[np.ndarray, dict[str, Any]]],
    facts: dict[str, Any],
    language: str = "en",
) -> list[dict[str, Any]]:
    """The results of the page for films and settings."""
    inputs = []
    for pixels, settings in films:
        prepared = next(iter(classifiers.values())).prepare(png(pixels)).pixels
        outputs = {
            name: written(c.run(prepared[None, ..., None])) for name, c in classifiers.items()
        }
        shape = {"format": "PNG", "rows": pixels.shape[0], "columns": pixels.shape[1]}
        inputs.append(
            {
                "input": prepared.ravel().tolist(),
                "facts": shape | facts,
                "settings": settings,
                "outputs": outputs,
            }
        )
    values = {"page": page_content(classifiers, ()), "films": inputs, "language": language}
    results: list[dict[str, Any]] = in_node(folder, JUDGE, values)
    return results


def png(pixels: np.ndarray) -> bytes:
    import io

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def check(result: dict[str, Any], prediction: Prediction, language: str = "en") -> None:
    """Compares a result of the page with that of Python."""
    expected = prediction_to_json(prediction) | {"words": wording.sentences(prediction)}
    with speaking(language):
        said = localised_result(expected)
    compared = {key: value for key, value in result.items() if key != "english"}
    agree(compared, dict(said))
    agree(result["english"], expected)


def agree(result: dict[str, Any], expected: dict[str, Any]) -> None:
    for record in (result, expected):
        for name in ("film", "timings_ms", "lung_outline"):
            record.pop(name, None)
    assert list(result) == list(expected)
    assert close(result, expected)


def close(ours: Any, theirs: Any) -> bool:
    """Whether values agree, numbers to 2e-6: both are rounded to 1e-6."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key in theirs:
            assert close(ours[key], theirs[key]), (key, ours[key], theirs[key])
        return True
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(close, ours, theirs))
    if isinstance(theirs, float):
        return ours == pytest.approx(theirs, abs=2e-6)
    return bool(ours == theirs)


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "pneumonia": ("pneumonia-1.png", {}),
    "normal": ("normal-1.png", {}),
    "no heatmap": ("normal-2.png", {"explain": "none"}),
    "refused": ("inverted normal-1.png", {}),
    "forced": ("inverted normal-1.png", {"force": True}),
    "another population": ("pneumonia-2.png", {"population": "adults"}),
    "operating point": ("normal-1.png", {"operating_point": "screen"}),
    "prevalence": ("pneumonia-1.png", {"prevalence": 0.1}),
    "error": ("pneumonia-2.png", {"error": 0.2}),
    "noise": ("noise", {}),
}


@pytest.fixture(scope="module")
def shipped() -> dict[str, Classifier]:
    return {path.name: load(path, threads=1) for path in names.SHIPPED_SET}


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory, shipped: dict[str, Classifier]
) -> dict[str, dict[str, Any]]:
    films = [(film(name), settings) for name, settings in CASES.values()]
    folder = tmp_path_factory.mktemp("judged")
    answers = judged(folder, shipped, films, {"bits": 8, "colour": False, "tint": 0.0})
    return dict(zip(CASES, answers, strict=True))


@pytest.fixture(scope="module")
def reader() -> Reader:
    return load(threads=1)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_result_is_that_of_python(
    results: dict[str, dict[str, Any]], reader: Reader, case: str
) -> None:
    name, settings = CASES[case]
    prediction = reader.with_settings(Settings(**settings)).predict(png(film(name)))
    check(results[case], prediction)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tiny_bundle", "lungs_bundle", "findings_bundle"])
def test_other_bundles_too(tmp_path: Path, request: pytest.FixtureRequest, kind: str) -> None:
    bundle: Bundle = request.getfixturevalue(kind)
    classifier = load(bundle.path, threads=1)
    films = [film("pneumonia-1.png"), film("noise"), np.full((240, 260), 204, np.uint8)]
    facts = {"taken_by": None}  # unknown facts are left out, as by Python
    answers = judged(tmp_path, {"bundle": classifier}, [(f, {}) for f in films], facts)
    assert answers[2]["film"] == {"format": "PNG", "rows": 240, "columns": 260}
    for answer, pixels in zip(answers, films, strict=True):
        check(answer, classifier.predict(png(pixels)))


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
def test_a_site_profile_counts_as_in_python(
    tmp_path: Path, shipped: dict[str, Classifier], language: str
) -> None:
    children = shipped["children"].bundle
    site = site_profile(
        bundle_sha256=children.sha256,
        prevalence=0.2,
        gate_limits={"other-population": 0.001, "distance": 1.5},
        conformal=Scores({"PNEUMONIA": Sides((0.1,) * 20 + (0.5,) * 20, (0.3,) * 40)}, {}),
    )
    write_profile(tmp_path / "site.json", site)
    settings = Settings(profile=tmp_path / "site.json")
    classifiers = {
        name: c.with_settings(settings if name == "children" else Settings())
        for name, c in shipped.items()
    }
    cases = [
        *(("pneumonia-1.png", {}), ("normal-1.png", {}), ("normal-2.png", {"error": 0.2})),
        *(("pneumonia-2.png", {"population": "adults"}), ("noise", {"force": True})),
    ]
    films = [(film(name), chosen) for name, chosen in cases]
    facts = {"bits": 8, "colour": False, "tint": 0.0}
    answers = judged(tmp_path / "page", classifiers, films, facts, language)
    reader = load(threads=1).with_settings(settings)
    titles = set()
    for answer, (pixels, chosen) in zip(answers, films, strict=True):
        expected = reader.with_settings(replace(settings, **chosen)).predict(png(pixels))
        check(answer, expected, language)
        titles.add(answer["profile"])
    assert site.title in titles


@pytest.mark.slow
def test_results_speak_german_and_those_for_files_english(
    tmp_path: Path, shipped: dict[str, Classifier], reader: Reader
) -> None:
    films = [(film(name), settings) for name, settings in CASES.values()]
    facts = {"bits": 8, "colour": False, "tint": 0.0}
    for answer, (pixels, settings) in zip(
        judged(tmp_path, shipped, films, facts, "de"), films, strict=True
    ):
        prediction = reader.with_settings(Settings(**settings)).predict(png(pixels))
        check(answer, prediction, "de")


def test_the_age_chooses_the_bundle_and_a_wrong_setting_is_refused(
    tmp_path: Path, shipped: dict[str, Classifier]
) -> None:
    pixels = film("normal-1.png")
    films = [(pixels, {}), (pixels, {"operating_point": "none"})]
    adult, wrong = judged(tmp_path, shipped, films, {"age_years": 40.0})
    assert (adult["population"], adult["population_source"]) == ("adults", "age")
    assert adult["words"]["population"] == "adults, by the age in the film's header"
    assert wrong == {"error": "UnknownOperatingPoint"}


def test_the_table_is_that_of_python(
    tmp_path: Path, results: dict[str, dict[str, Any]], shipped: dict[str, Classifier]
) -> None:
    import io

    from pneumoscope.render.export import write_csv

    labels = list(dict.fromkeys(x for c in shipped.values() for x in c.bundle.meta.labels))
    error = {"code": "TruncatedImage", "message": "x, y: cut", "hint": "Again."}
    rows: list[dict[str, Any]] = [
        {"id": "1", "created": "now", "source": "=1+1.png", **outcome}
        for outcome in (*results.values(), {"error": error})
    ]
    stream = io.StringIO()
    write_csv(rows, labels, stream, identity=("id", "created"))
    records = [
        {"id": "1", "created": "now", "film": {"name": "=1+1.png"}, "result": result, "error": None}
        for result in results.values()
    ]
    failed = {"code": error["code"], "detail": error["message"], "hint": error["hint"]}
    records.append({**records[0], "result": None, "error": failed})
    table = in_node(tmp_path, TABLE, {"records": records, "labels": labels})
    assert table == stream.getvalue()
