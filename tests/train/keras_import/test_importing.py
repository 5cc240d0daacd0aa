"""A notebook's model becomes a bundle."""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line import run
from notebook_models import (
    SIZE,
    TWO,
    augmenting,
    averaged_and_flattened,
    cnn,
    grouped,
    half_precision,
    joined,
    named_output,
    nested,
    normalised,
    pooled_base,
    preprocessed,
    several_axes,
    two_pools,
)

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras

    from pneumoscope.train.data import phantom
    from pneumoscope.train.formats import convert
    from pneumoscope.train.keras_import import importing
    from pneumoscope.train.keras_import.importing import ImportOptions

import pneumoscope
from pneumoscope.bundle import Bundle
from pneumoscope.errors import ConversionError, UsageError

# Keras' own saving warns under NumPy 2.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]


def quiet(text: str) -> None:
    pass


MODELS: dict[str, tuple[Callable[[], keras.Model], tuple[str, ...]]] = {
    "cnn-softmax": (lambda: cnn(3, "softmax"), ("normal", "bacterial", "viral")),
    "cnn-grey-sigmoid": (lambda: cnn(1, "sigmoid", channels=1), TWO),
    "cnn-logits": (lambda: cnn(1, None), TWO),
    "nested": (nested, TWO),
    "pooled-base": (pooled_base, TWO),
    "augmenting": (augmenting, TWO),
    "two-pools": (two_pools, TWO),
    "averaged": (averaged_and_flattened, TWO),
    "half-precision": (half_precision, TWO),
    "normalised": (normalised, TWO),
    "grouped": (grouped, TWO),
    "preprocessed": (preprocessed, TWO),
    "several-axes": (several_axes, TWO),
    "named-output": (named_output, TWO),
}


@functools.cache
def made(name: str) -> keras.Model:
    return MODELS[name][0]()


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("name", MODELS)
def test_a_notebooks_model_becomes_a_bundle(name: str, ending: str, tmp_path: Path) -> None:
    _, labels = MODELS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = made(name)
        model.save(tmp_path / f"model{ending}")
    bundle = importing.import_model(
        tmp_path / f"model{ending}", ImportOptions(labels, SIZE), tmp_path / "bundle", quiet
    )
    classifier = pneumoscope.load(bundle)
    assert classifier.check() <= 1e-5
    films = phantom.films(4, SIZE)
    outputs = classifier.run(films)
    channels = model.input_shape[-1]
    given = model(np.repeat(films, channels, -1) / np.float32(255), training=False)
    said = np.asarray(given["p"] if isinstance(given, dict) else given)
    if name == "cnn-logits":
        said = 1 / (1 + np.exp(-said))
    expected = np.concatenate([1 - said, said], axis=1) if said.shape[1] == 1 else said
    tolerance = 1e-2 if name == "half-precision" else 1e-4
    assert np.abs(outputs.probabilities - expected).max() <= tolerance
    assert outputs.heatmaps.shape[:2] == (4, len(labels))
    assert outputs.heatmaps.max() > 0
    assert bundle.meta.validation["parity"]["max_heatmap_error"] <= 1e-3


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("models") / "mine.keras"
    cnn(1, "sigmoid").save(file)
    return file


@pytest.fixture(scope="module")
def two_classes(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return importing.import_model(
        model_file, ImportOptions(TWO), tmp_path_factory.mktemp("bundles") / "two", quiet
    )


def test_two_classes_have_no_subtype(two_classes: Bundle, tmp_path: Path) -> None:
    classifier = pneumoscope.load(two_classes)
    labels = set()
    for level in (0, 60, 120, 255):
        Image.fromarray(np.full((240, 240), level, np.uint8)).save(tmp_path / "film.png")
        prediction = classifier.predict(tmp_path / "film.png")
        labels.add(prediction.label)
        assert prediction.subtype is None
        assert prediction.warnings == ()
        assert prediction.heatmap_class == prediction.label.lower()
    assert prediction.operating_point.name == "imported"


def test_the_card_says_that_nothing_is_known(two_classes: Bundle) -> None:
    assert two_classes.meta.population.text == "unknown: imported model"
    assert two_classes.meta.population.age_years is None
    card = (two_classes.path / "README.md").read_text()
    assert "not validated here" in card
    assert "not chosen on any film" in card


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ("normal",)}, "two or more"),
        ({"labels": ("normal", "normal")}, "two or more"),
        ({"labels": ("Normal", "normal")}, "differ in capitals only"),
        ({"labels": ("normal", "pneumonia", "")}, "a name is empty"),
        ({"labels": ("normal", "bacterial", "viral")}, "gives 2 classes, --labels names 3"),
        ({"size": 150}, "takes 64 x 64 pixels, not 150 x 150"),
        ({"channels": 1}, "takes 3 channels, not 1"),
        ({"negative": "healthy"}, "not among the labels"),
        ({"negative": "pneumonia"}, "said to be pneumonia, but there is also normal"),
        ({"scaling": "twice"}, "unknown"),
    ],
)
def test_what_does_not_go_with_the_model(
    changes: dict[str, object], message: str, model_file: Path, tmp_path: Path
) -> None:
    wanted = ImportOptions(**({"labels": TWO} | changes))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=message) as caught:
        importing.import_model(model_file, wanted, tmp_path / "out", quiet)
    assert caught.value.hint
    assert not list(tmp_path.iterdir())


def test_the_command(model_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    done = run("import", model_file, "--labels", "['normal', 'pneumonia']", "--size", SIZE, "--out", out, "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parity"]["max_dp"] <= 1e-4
    assert pneumoscope.load(out).bundle.meta.labels == ("normal", "pneumonia")
    Image.fromarray(np.full((240, 240), 90, np.uint8)).save(tmp_path / "film.png")
    read = run("predict", tmp_path / "film.png", "--bundle", out)
    assert read.returncode == 0, read.stderr
    assert "acterial" not in read.stdout


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    done = run("import", tmp_path / "no.h5", "--labels", "a,b", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
    assert run("import", tmp_path / "no.h5").returncode == 2


@pytest.mark.parametrize("labels", [("COVID", "NORMAL"), ("normal", "covid")])
def test_the_class_called_normal_is_the_negative_one(
    tmp_path: Path, labels: tuple[str, str]
) -> None:
    """Keras' folder readers sort class names, so NORMAL is often not the first."""
    cnn(2, "softmax").save(tmp_path / "m.keras")
    bundle = importing.import_model(
        tmp_path / "m.keras", ImportOptions(labels=labels), tmp_path / "bundle", quiet
    )
    assert bundle.meta.negative.lower() == "normal"
    assert bundle.meta.positive == "COVID"


def test_labels_without_a_negative_class_need_one_named(tmp_path: Path) -> None:
    cnn(2, "softmax").save(tmp_path / "m.keras")
    with pytest.raises(UsageError, match="means that nothing was found") as caught:
        importing.import_model(
            tmp_path / "m.keras", ImportOptions(labels=("a", "b")), tmp_path / "bundle", quiet
        )
    assert "--negative" in caught.value.hint
    assert not (tmp_path / "bundle").exists()


def test_findings_become_a_bundle_of_findings(tmp_path: Path) -> None:
    cnn(3, "sigmoid").save(tmp_path / "m.keras")
    labels = ("Effusion", "No Finding", "Mass")
    bundle = importing.import_model(
        tmp_path / "m.keras", ImportOptions(labels), tmp_path / "bundle", quiet
    )
    meta = bundle.meta
    assert (meta.task, meta.negative, meta.positive) == ("multilabel", None, "ABNORMAL")
    assert meta.labels == ("Effusion", "Mass")  # that nothing was found is no finding
    assert [point.finding for point in meta.points()] == ["Effusion", "Mass"]
    films = phantom.films(2, SIZE)
    model = keras.models.load_model(tmp_path / "m.keras")
    said = np.asarray(model(np.repeat(films, 3, -1) / np.float32(255), training=False))
    outputs = pneumoscope.load(bundle).run(films)
    assert outputs.probabilities == pytest.approx(said[:, [0, 2]], abs=1e-5)
    assert outputs.heatmaps.shape[:2] == (2, 2)
    assert (meta.calibration.scale, meta.calibration.offset) == ((1, 1), (0, 0))


@pytest.mark.parametrize(
    "labels", [("BACTERIA", "NORMAL", "VIRUS"), ("virus", "Bacterial Pneumonia", "normal")]
)
def test_bacteria_and_virus_are_kinds_of_pneumonia(labels: tuple[str, ...], tmp_path: Path) -> None:
    cnn(3, "softmax").save(tmp_path / "m.keras")
    meta = importing.import_model(
        tmp_path / "m.keras", ImportOptions(labels), tmp_path / "bundle", quiet
    ).meta
    assert meta.positive == "PNEUMONIA"
    assert meta.negative is not None
    assert meta.negative.lower() == "normal"
    assert meta.kinds == tuple(label for label in labels if label != meta.negative)
    assert "in children" in meta.kinds_warning


@pytest.fixture(scope="module")
def without_heatmaps(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("unexplained")
    joined().save(folder / "m.keras")
    options = ImportOptions(TWO, heatmap=False, resize="nearest")
    return importing.import_model(folder / "m.keras", options, folder / "bundle", quiet)


def test_a_head_without_closed_form_imports_without_heatmaps(without_heatmaps: Bundle) -> None:
    meta = without_heatmaps.meta
    assert (meta.heatmaps, meta.resize) == (False, "nearest")
    assert (meta.size, meta.source_size) == (SIZE, SIZE)
    assert meta.warnings == ("This model gives no heatmap.",)
    card = (without_heatmaps.path / "README.md").read_text()
    assert "None: it was imported with `--no-heatmap`" in card
    assert "by the nearest pixel" in card
    assert pneumoscope.load(without_heatmaps).check() <= 1e-5


def test_outputs_say_that_there_is_no_heatmap(without_heatmaps: Bundle, tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (300, 250), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "film.png")
    sheet, heatmaps = tmp_path / "sheet.html", tmp_path / "heatmaps"
    done = run(
        "predict", tmp_path / "film.png", "--bundle", without_heatmaps.path, "--json",
        "--sheet", sheet, "--heatmaps", heatmaps, "--explain", "checked",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (record,) = json.loads(done.stdout)["results"]
    assert record["explanation"] is None
    assert "This model gives no heatmap." in record["warnings"]
    page = sheet.read_text()
    assert "This model gives no heatmap." in page
    assert "No heatmap was asked for" not in page
    assert "Grad-CAM" not in page
    assert not list(heatmaps.glob("*.png"))


def test_a_bundle_without_heatmaps_is_exported(without_heatmaps: Bundle, tmp_path: Path) -> None:
    exported = convert.export(without_heatmaps, "onnx", tmp_path / "m.onnx", None, quiet)
    assert (exported.parity.films, exported.parity.max_dp) == (64, 0.0)


def test_the_nearest_pixels_are_those_of_the_notebook(
    without_heatmaps: Bundle, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (1300, 1250), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "film.jpg", quality=95)
    classifier = pneumoscope.load(without_heatmaps)
    with Image.open(tmp_path / "film.jpg") as image:  # as Keras' load_img does it
        expected = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.NEAREST))
    assert np.array_equal(classifier.prepare(tmp_path / "film.jpg").pixels, expected)


def test_a_finding_that_is_said_to_mean_nothing_is_no_finding(tmp_path: Path) -> None:
    """It was one of the bundle's findings: --negative was ignored."""
    keras.utils.set_random_seed(1)
    cnn(3, "sigmoid").save(tmp_path / "model.keras")
    options = ImportOptions(("Edema", "Clear", "Mass"), negative="Clear")
    bundle = importing.import_model(tmp_path / "model.keras", options, tmp_path / "out", quiet)
    assert bundle.meta.labels == ("Edema", "Mass")
    two = ImportOptions(("Clear", "Mass"), negative="Clear")
    cnn(2, "sigmoid").save(tmp_path / "two.keras")
    with pytest.raises(ConversionError, match="exclude one another"):
        importing.import_model(tmp_path / "two.keras", two, tmp_path / "other", quiet)
