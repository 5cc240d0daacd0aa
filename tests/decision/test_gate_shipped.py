"""The shipped gate on unsuitable input of many kinds, and on films that must pass."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import pneumoscope
from pneumoscope.bundle import open_bundle
from pneumoscope.decision.gate import REFUSE
from pneumoscope.runtime import Classifier
from pneumoscope.train.gate import unsuitable

Film = NDArray[np.uint8]
FILMS = 12
"""Chest films that each change is tried on; two of them may get another reason."""

NO_FILM = {"not-a-radiograph", "not-a-chest"}
FLAT = {"low-contrast"}


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return pneumoscope.load(open_bundle())


@pytest.fixture(scope="module")
def chests(films_dir: Path) -> list[Film]:
    """Training films at 224 pixels, evenly over the folder."""
    paths = sorted((films_dir / "chest_xray" / "train").rglob("*.jpeg"))
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, FILMS).astype(int)]
    return [np.array(Image.open(path).convert("L")) for path in chosen]


def code_of(classifier: Classifier, picture: NDArray[np.uint8]) -> str:
    """The first reason of a refusal, or the label."""
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    prediction = classifier.predict(data.getvalue())
    return prediction.gate.reasons[0].code if prediction.gate.level == REFUSE else prediction.label


def scaled(factor: float, offset: float, film: Film) -> Film:
    return np.clip(film.astype(np.float64) * factor + offset, 0, 255).astype(np.uint8)


def part(left: float, top: float, right: float, bottom: float, film: Film) -> Film:
    """What remains of a film, at its own size."""
    rows, columns = film.shape
    return np.ascontiguousarray(
        film[int(top * rows) : int(bottom * rows), int(left * columns) : int(right * columns)]
    )


def stretched(change: Callable[[Film], Film], film: Film) -> Film:
    return np.asarray(cv2.resize(change(film), film.shape[::-1]), np.uint8)


def small(columns: int, rows: int, film: Film) -> Film:
    return np.asarray(cv2.resize(film, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)


def smeared(film: Film) -> Film:
    """Moved by 24 pixels during the exposure."""
    return np.asarray(cv2.blur(cv2.blur(film, (25, 1)), (1, 9)), np.uint8)


def false_colours(film: Film) -> NDArray[np.uint8]:
    return np.asarray(cv2.applyColorMap(film, cv2.COLORMAP_JET), np.uint8)


def tinted(film: Film) -> NDArray[np.uint8]:
    x = film.astype(np.float64)
    return np.stack([x, 0.8 * x, 0.55 * x], axis=-1).astype(np.uint8)


def seeded(name: str, seed: int) -> Callable[[Film], Film]:
    def change(film: Film) -> Film:
        return unsuitable.CHANGES[name](film, np.random.default_rng([seed, int(film.sum())]))

    return change


CHANGED: dict[str, tuple[Callable[[Film], NDArray[np.uint8]], set[str]]] = {
    "inverted": (lambda f: 255 - f, {"inverted"}),
    "inverted and pale": (lambda f: scaled(0.5, 100, 255 - f), {"inverted"}),
    "inverted and mirrored": (lambda f: 255 - f[:, ::-1], {"inverted"}),
    "turned left": (lambda f: np.rot90(f, 1), {"rotated-90"}),
    "on its head": (lambda f: np.rot90(f, 2), {"rotated-180"}),
    "turned right": (lambda f: np.rot90(f, 3), {"rotated-270"}),
    "turned left and dark": (lambda f: scaled(0.6, 0, np.rot90(f, 1)), {"rotated-90"}),
    "upside down": (lambda f: f[::-1], {"rotated-180"}),
    "the left half": (partial(part, 0.5, 0.0, 1.0, 1.0), {"cropped"}),
    "the right half": (partial(part, 0.0, 0.0, 0.5, 1.0), {"cropped"}),
    "one side, stretched": (
        partial(stretched, partial(part, 0.0, 0.1, 0.5, 1.0)), {"not-frontal", "cropped"},
    ),
    "both lungs in one field": (seeded("not-frontal", 3), {"not-frontal", "cropped"}),
    "the upper half": (partial(stretched, partial(part, 0.0, 0.0, 1.0, 0.4)), {"cropped", "not-frontal"}),
    "the lower half": (partial(stretched, partial(part, 0.0, 0.6, 1.0, 1.0)), {"cropped", "not-frontal"}),
    "a corner": (partial(stretched, partial(part, 0.0, 0.0, 0.4, 0.4)), {"cropped", "not-frontal"}),
    "the middle": (partial(stretched, partial(part, 0.3, 0.3, 0.7, 0.7)), {"cropped", "not-frontal"}),
    "hardly any contrast": (partial(scaled, 0.06, 120), FLAT),
    "nearly black": (partial(scaled, 0.08, 0), FLAT),
    "nearly white": (partial(scaled, 0.08, 230), FLAT),
    "burnt out": (partial(scaled, 4.0, 0), {"over-exposed"}),
    "drowned in black": (partial(scaled, 3.0, -450), {"over-exposed"}),
    "black and white only": (lambda f: (255 * (f > np.median(f))).astype(np.uint8), {"over-exposed"}),
    "out of focus": (lambda f: cv2.GaussianBlur(f, (0, 0), 7), {"too-blurred"}),
    "moved": (smeared, {"too-blurred"}),
    "a thumbnail": (partial(small, 72, 72), {"too-small"}),
    "a narrow thumbnail": (partial(small, 66, 90), {"too-small"}),
    "photograph of a screen": (seeded("photo-of-a-screen", 5), {"photo-of-a-screen"}),
    "another photograph of a screen": (seeded("photo-of-a-screen", 6), {"photo-of-a-screen"}),
    "screenshot of a viewer": (seeded("screenshot", 7), {"screenshot"}),
    "another screenshot of a viewer": (seeded("screenshot", 8), {"screenshot"}),
    "false colours": (false_colours, {"not-a-radiograph"}),
    "sepia": (tinted, {"not-a-radiograph"}),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(CHANGED))
def test_a_changed_chest_film_gets_its_reason(
    kind: str, classifier: Classifier, chests: list[Film]
) -> None:
    change, expected = CHANGED[kind]
    codes = [code_of(classifier, np.ascontiguousarray(change(film))) for film in chests]
    wrong = [code for code in codes if code not in expected]
    assert len(wrong) <= 2, wrong


def rings() -> Film:
    y, x = np.mgrid[0:300, 0:300]
    return (127 + 127 * np.sin(np.hypot(x - 150, y - 150) / 6)).astype(np.uint8)


def letters() -> Film:
    page = Image.new("L", (400, 500), 255)
    draw = ImageDraw.Draw(page)
    for row in range(20, 480, 16):
        draw.text((20, row), "The quick brown fox jumps over the lazy dog, twice.", fill=0)
    return np.array(page)


def face() -> Film:
    page = Image.new("L", (300, 300), 230)
    draw = ImageDraw.Draw(page)
    draw.ellipse((40, 30, 260, 270), fill=180, outline=20, width=4)
    draw.ellipse((95, 105, 125, 135), fill=20)
    draw.ellipse((175, 105, 205, 135), fill=20)
    draw.arc((100, 130, 200, 220), 20, 160, fill=20, width=6)
    return np.array(page)


def head_phantom() -> Film:
    page = np.zeros((256, 256), np.uint8)
    for centre, axes, level in (
        ((128, 128), (80, 108), 250), ((128, 130), (74, 102), 70), ((155, 128), (14, 38), 20),
        ((100, 128), (18, 48), 20), ((128, 85), (26, 31), 110), ((128, 180), (9, 6), 150),
    ):  # fmt: skip
        cv2.ellipse(page, centre, axes, 0, 0, 360, level, -1)
    return page


def of_package(name: str) -> NDArray[np.uint8]:
    if name.startswith("sklearn:"):
        from sklearn.datasets import load_sample_image

        return np.asarray(load_sample_image(name[8:]), np.uint8)
    from matplotlib import cbook

    with cbook.get_sample_data(name) as stream:
        return np.array(Image.open(stream).convert("RGB"))


def grey_of(name: str) -> Film:
    return np.array(Image.fromarray(of_package(name)).convert("L"))


def chart() -> Film:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4))
    canvas = FigureCanvasAgg(figure)
    figure.add_subplot().plot(np.sin(np.arange(60) / 5))
    canvas.draw()
    return np.array(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("L"))


def drawn(name: str, seed: int) -> Film:
    return unsuitable.DRAWINGS[name][1](320, np.random.default_rng(seed))


FOREIGN: dict[str, tuple[Callable[[], NDArray[np.uint8]], set[str]]] = {
    "white noise": (lambda: np.random.default_rng(9).integers(0, 256, (256, 256), np.uint8), {"not-a-radiograph"}),
    "checks": (lambda: np.kron(np.indices((8, 8)).sum(0) % 2 * 200 + 20, np.ones((30, 30))).astype(np.uint8), {"not-a-radiograph"}),
    "rings": (rings, NO_FILM),
    "a slope": (lambda: np.tile(np.arange(256, dtype=np.uint8), (256, 1)), NO_FILM | {"too-blurred"}),
    "a page of text": (letters, {"not-a-radiograph"}),
    "a face, drawn": (face, NO_FILM),
    "a chart": (chart, {"not-a-radiograph", "over-exposed"}),
    "a program's window": (partial(drawn, "window", 71), {"not-a-radiograph"}),
    "shapes": (partial(drawn, "shapes", 72), NO_FILM | {"over-exposed"}),
    "a slice of a head": (head_phantom, {"not-a-chest", "over-exposed"}),
    "like a CT slice": (partial(drawn, "slice", 73), {"not-a-chest", "over-exposed"}),
    "like ultrasound": (partial(drawn, "fan", 74), {"not-a-chest", "over-exposed"}),
    "a black page": (lambda: np.zeros((256, 256), np.uint8), FLAT | NO_FILM),
    "a white page": (lambda: np.full((256, 256), 255, np.uint8), FLAT | NO_FILM),
    "a temple, in colour": (partial(of_package, "sklearn:china.jpg"), {"not-a-radiograph"}),
    "a flower, in grey": (partial(grey_of, "sklearn:flower.jpg"), NO_FILM),
    "a temple, in grey": (partial(grey_of, "sklearn:china.jpg"), {"not-a-radiograph"}),
    "a portrait, in grey": (partial(grey_of, "grace_hopper.jpg"), NO_FILM),
    "an elevation map": (partial(grey_of, "Minduka_Present_Blue_Pack.png"), {"not-a-radiograph"}),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(FOREIGN))
def test_what_is_no_chest_film_gets_its_reason(kind: str, classifier: Classifier) -> None:
    make, expected = FOREIGN[kind]
    assert code_of(classifier, np.ascontiguousarray(make())) in expected


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_padded.dcm", "examples_palette.dcm", "US1_J2KR.dcm"]
)
def test_other_modalities_are_refused(name: str, classifier: Classifier) -> None:
    from pydicom.data import get_testdata_file

    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"this pydicom does not carry {name}")
    try:
        prediction = classifier.predict(Path(str(path)))
    except pneumoscope.PneumoscopeError:
        return  # refused by the reader, with its own reason
    assert prediction.label == "REFUSED"


def test_at_least_forty_kinds() -> None:
    assert len(CHANGED) + len(FOREIGN) >= 40


def test_the_full_size_films_pass(classifier: Classifier, films_dir: Path) -> None:
    films = sorted((films_dir / "full_size").glob("*/*"))
    assert len(films) == 29
    refused = {
        outcome.source: [reason.code for reason in outcome.prediction.gate.reasons]
        for outcome in classifier.predict_many(films)
        if outcome.prediction is None or outcome.prediction.gate.level == REFUSE
    }
    assert refused == {}


def test_clean_films_of_validation_patients_pass(classifier: Classifier, films_dir: Path) -> None:
    """At most 2 % are refused, as asked; every third film of the shipped bundle's validation."""
    measured = (open_bundle().meta.gate or {})["measured"]
    assert measured["plain"]["films"] == 780
    assert measured["plain"]["refused"] <= 0.02
    for kind in ("inverted", "rotated-90", "rotated-180", "rotated-270"):
        assert measured["changed"][kind]["recognised"] >= 0.98
