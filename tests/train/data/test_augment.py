from __future__ import annotations

import dataclasses

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="needs the [train] extra")

from pneumoscope import images
from pneumoscope.data.film_statistics import sharpness
from pneumoscope.data.stress import stress_suite
from pneumoscope.images import resample
from pneumoscope.train.data import phantom
from pneumoscope.train.data.augment import augment
from pneumoscope.train.recipe.augmentation import Augmentation

FILMS = phantom.films(8, 224)[..., 0]
# Half of them soft, so that one film's sharpness can be matched to another's.
FILMS[::2] = [cv2.GaussianBlur(film, (0, 0), 2.0) for film in FILMS[::2]]
OFF = Augmentation(
    rotation=0, shear=0, scale_x=(1, 1), scale_y=(1, 1), shift=0, flip=0, crop=0, match=0,
    equalise=0, curve=0, gamma=(1, 1), contrast=(1, 1), brightness=0, shading=0,
    sharpness_match=0, blur=0, sharpen=0, low_resolution=0, jpeg=0, noise=0, frame=0, marker=0,
    erase=0, detail=0,
)  # fmt: skip


def test_without_augmentation_the_network_sees_the_model_input() -> None:
    views = augment(FILMS, 128, np.random.default_rng(0), OFF)
    expected = [images.model_input(film.astype(np.float32) / 255, 128, 224) for film in FILMS]
    assert (views == np.stack(expected)).all()


def test_the_same_seed_gives_the_same_views() -> None:
    config = Augmentation()
    first, again, other = (
        augment(FILMS, 96, np.random.default_rng(seed), config) for seed in (3, 3, 4)
    )
    assert first.shape == (8, 96, 96)
    assert first.dtype == np.uint8
    assert (first == again).all()
    assert (first != other).mean() > 0.5


def test_the_films_themselves_are_left_alone() -> None:
    before = FILMS.copy()
    for seed in range(5):
        augment(FILMS, 128, np.random.default_rng(seed), Augmentation())
    assert (before == FILMS).all()


@pytest.mark.parametrize(
    "change",
    [
        {"rotation": 15.0}, {"shear": 0.2}, {"scale_x": (0.7, 0.8)}, {"scale_y": (1.2, 1.3)},
        {"shift": 0.1}, {"flip": 1.0}, {"crop": 1.0}, {"match": 1.0}, {"equalise": 1.0},
        {"curve": 1.0}, {"gamma": (0.5, 0.6)}, {"contrast": (0.5, 0.6)}, {"brightness": 0.2},
        {"shading": 1.0}, {"detail": 1.0}, {"sharpness_match": 1.0}, {"blur": 1.0}, {"sharpen": 1.0},
        {"low_resolution": 1.0}, {"clahe": 1.0}, {"jpeg": 1.0}, {"noise": 1.0}, {"frame": 1.0}, {"marker": 1.0},
        {"erase": 1.0},
    ],
    ids=lambda c: next(iter(c)),
)  # fmt: skip
def test_every_step_does_something_and_only_then(change: dict[str, object]) -> None:
    plain = augment(FILMS, 224, np.random.default_rng(1), OFF)
    config = dataclasses.replace(OFF, **change)
    changed = augment(FILMS, 224, np.random.default_rng(1), config)
    assert (changed != plain).mean() > 0.001


def test_blur_lowers_and_sharpening_raises_sharpness() -> None:
    blurred = augment(FILMS, 224, np.random.default_rng(0), dataclasses.replace(OFF, blur=1.0))
    sharpened = augment(FILMS, 224, np.random.default_rng(0), dataclasses.replace(OFF, sharpen=1.0))
    for film, low, high in zip(FILMS, blurred, sharpened, strict=True):
        assert sharpness(low) < sharpness(film) < sharpness(high)


def test_resampling_a_ready_film_changes_nothing() -> None:
    assert (resample(FILMS[0], 224) == FILMS[0]).all()


def test_the_stress_suite_is_fixed_and_every_perturbation_bites() -> None:
    suite = stress_suite()
    assert len(suite) >= 16
    for name, perturb in suite.items():
        once, again = perturb(FILMS[0].copy()), perturb(FILMS[0].copy())
        assert once.shape == (224, 224), name
        assert once.dtype == np.uint8, name
        assert (once == again).all(), name
        assert (once != FILMS[0]).mean() > 0.002, name
