"""Fits a bundle's gate: heads on the network's middle maps, and limits on validation films.

The heads learn from training films, plain and augmented, from what `unsuitable` makes of them, and
from the pictures of a folder, if there is one. The limits are set on films of validation patients,
plain and under the stress suite, so that few of these are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pneumoscope.data.stress import stress_suite
from pneumoscope.decision.gate import FRONTAL, Heads, grey_statistics
from pneumoscope.images import resample
from pneumoscope.train.data.augment import augment
from pneumoscope.train.gate import unsuitable
from pneumoscope.train.gate.features import CLIP, Axes
from pneumoscope.train.gate.limits import AUGMENTED, STRESS, limits_of, measure
from pneumoscope.train.gate.pictures import CHEST_LIKE, Pictures
from pneumoscope.train.recipe.augmentation import Augmentation

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.data import FilmSet

    Features = Callable[[NDArray[np.uint8]], NDArray[np.floating[Any]]]
    Films = NDArray[np.uint8]

PLAIN, FILMS = 4000, 1000
"""Training films, at most, that the heads learn from unchanged, and augmented. Each change of
`unsuitable` takes half as many as are augmented, each drawing 3 in 20."""
STRESSED = 60
"""Validation films, at most, that go through the whole stress suite."""
AXES = 128
SEED = 20180222

# Mild enough that a reader would still read the film, with both lungs on it.
_MILD: Final = Augmentation(
    erase=0.1, scale_x=(0.85, 1.2), scale_y=(0.85, 1.2), shift=0.05, crop_max=0.1
)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted gate.

    Attributes:
        axes: Onto which the network's cells are projected, see `features.project`.
        heads: Classifiers on the projected cells.
        record: What ``bundle.json`` says about the gate: ``limits`` and ``measured``.
    """

    axes: Axes
    heads: Heads
    record: dict[str, Any]


def fit(
    features: Features,
    films: FilmSet,
    size: int,
    pictures: Pictures | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Fitted:
    """Fits heads and limits.

    Args:
        features: uint8 (n, size, size, 1) to the network's cells (n, d).
        films: All films, with their splits.
        size: Side of the network's input in pixels.
        pictures: Other pictures that are not chest films; None to learn from changed and drawn ones
            only.
        progress: Called with (pictures done, pictures in all).
    """
    rng = np.random.default_rng(SEED)
    learned = _learning_set(films, pictures, rng)
    checked = _checking_set(films, rng)
    total = sum(map(len, (*learned.values(), *checked.values())))
    extract = FeatureExtractor(features, size, total, progress)
    x = {kind: extract(part) for kind, part in learned.items()}
    axes = _axes(x)
    heads = _heads({kind: axes.coordinates(cells) for kind, cells in x.items()})
    cells_of = {name: extract(part) for name, part in checked.items()}
    scores = {
        name: heads.scores(axes.coordinates(cells_of[name])) | grey(part, size)
        for name, part in checked.items()
    }
    limits = limits_of(scores)
    measured = {"learned": {kind: len(part) for kind, part in learned.items()}}
    return Fitted(axes, heads, {"limits": limits, "measured": measured | measure(scores, limits)})


def _learning_set(
    films: FilmSet, pictures: Pictures | None, rng: np.random.Generator
) -> dict[str, Films]:
    """Kind to pictures of the source size; ``"plain"`` and ``"mirrored"`` are chest films."""
    rows = rng.permutation(films.rows("train"))
    plain = np.stack([films.pixels[i] for i in rows[:PLAIN]])
    side, count = plain.shape[1], min(FILMS, len(rows))
    learned = {"plain": plain, FRONTAL: augment(plain[:count], side, rng, _MILD)}
    for kind, change in unsuitable.CHANGES.items():
        views = augment(plain[rng.permutation(len(plain))[: max(2, count // 2)]], side, rng, _MILD)
        learned[kind] = np.stack([change(film, rng) for film in views])
    foreign: dict[str, list[Films]] = {}
    for kind, draw in unsuitable.DRAWINGS.values():
        drawings = [draw(side, rng) for _ in range(max(2, 3 * count // 20))]
        foreign.setdefault(kind, []).append(np.stack(drawings))
    if pictures is not None and not pictures.held_out.all():
        _add_pictures(foreign, pictures, side, rng)
    for kind, parts in foreign.items():
        learned[kind] = np.concatenate([*parts, learned[kind]] if kind in learned else parts)
    return learned


def _add_pictures(
    foreign: dict[str, list[Films]], pictures: Pictures, side: int, rng: np.random.Generator
) -> None:
    """Adds the collected pictures that are not held out, by the gate's reason to refuse them."""
    learned = np.flatnonzero(~pictures.held_out)
    # Twice, once changed: turned, inverted or differently exposed, they are just as unsuitable.
    changed = augment(pictures.films[learned], side, rng, _MILD)
    for i, film in enumerate(changed):
        changed[i] = _turned(film, rng)
    kinds = np.array([CHEST_LIKE.get(pictures.kinds[i], "not-a-radiograph") for i in learned])
    for kind in dict.fromkeys(kinds.tolist()):
        of_kind = kinds == kind
        foreign.setdefault(kind, []).extend([pictures.films[learned[of_kind]], changed[of_kind]])


def _turned(film: Films, rng: np.random.Generator) -> Films:
    turned = np.rot90(film, int(rng.integers(4)))
    return 255 - turned if rng.random() < 0.3 else turned


def _checking_set(films: FilmSet, rng: np.random.Generator) -> dict[str, Films]:
    """Condition to validation films: plain, stressed, and changed into each unsuitable kind."""
    plain = np.stack([films.pixels[i] for i in films.rows("validation")])
    some = plain[rng.permutation(len(plain))[:STRESSED]]
    conditions = {"plain": plain}
    views = plain[rng.permutation(len(plain))[: 6 * STRESSED]]
    conditions[AUGMENTED] = augment(views, plain.shape[1], rng, _MILD)
    for name, perturb in stress_suite().items():
        conditions[f"{STRESS}{name}"] = np.stack([perturb(film) for film in some])
    for kind, change in unsuitable.CHANGES.items():
        chosen = plain[rng.permutation(len(plain))[: 3 * STRESSED]]
        conditions[kind] = np.stack([change(film, rng) for film in chosen])
    return conditions


@dataclass(slots=True)
class FeatureExtractor:
    """Films of the source size (n, side, side) to features (n, d), with progress."""

    features: Features
    size: int
    total: int
    progress: Callable[[int, int], None] = lambda _done, _total: None
    done: int = 0

    def __call__(self, films: Films) -> NDArray[np.float32]:
        parts = []
        for i in range(0, len(films), 32):
            x = np.stack([resample(film, self.size) for film in films[i : i + 32]])
            parts.append(np.asarray(self.features(x[..., None]), np.float32))
            self.done += len(x)
            self.progress(self.done, self.total)
        return np.concatenate(parts)


def grey(films: Films, size: int) -> dict[str, NDArray[np.float64]]:
    """`gate.grey_statistics` of films of the source size, each (n,)."""
    of_films = [grey_statistics(resample(film, size)) for film in films]
    return {name: np.array([values[name] for values in of_films]) for name in of_films[0]}


def _axes(x: dict[str, NDArray[np.float32]]) -> Axes:
    """Axes of most variance over all pictures, scaled by the chest films."""
    chest = np.concatenate([x["plain"], x[FRONTAL], x["mirrored"]])
    mean = chest.mean(axis=0)
    # A feature that hardly varies over chest films would dominate the others on other pictures.
    scale = np.maximum(chest.std(axis=0), 0.1 * chest.std())
    every = np.clip((np.concatenate(list(x.values())) - mean) / scale, -CLIP, CLIP)
    inside = np.concatenate(
        [np.full(len(part), _class_of(name) == FRONTAL) for name, part in x.items()]
    )
    middle = every[inside].mean(axis=0)
    spread = np.linalg.eigh(np.cov(every - middle, rowvar=False))[1][:, ::-1]
    rough = spread[:, : min(AXES, len(every) // 4)]
    variance, turn = np.linalg.eigh(np.cov((every - middle)[inside] @ rough, rowvar=False))
    axes = rough @ (turn / np.sqrt(variance + 0.01 * variance.max()))
    parts = (mean, scale, axes, middle @ axes)
    return Axes(*(part.astype(np.float32) for part in parts))


def _heads(x: dict[str, NDArray[np.float32]]) -> Heads:
    """Logistic heads on coordinates, kind by kind."""
    from sklearn.linear_model import LogisticRegression

    at = np.concatenate(list(x.values()))
    kind = np.concatenate([np.full(len(part), _class_of(name)) for name, part in x.items()])
    names = np.concatenate([np.full(len(part), name) for name, part in x.items()])
    head = LogisticRegression(C=0.1, max_iter=1000, class_weight="balanced").fit(at, kind)
    sides = np.isin(names, [FRONTAL, "mirrored"])
    mirror = LogisticRegression(C=0.1, max_iter=1000).fit(at[sides], names[sides] == "mirrored")
    return Heads(
        kinds=tuple(head.classes_.tolist()),
        weights=head.coef_.T.astype(np.float32),
        bias=head.intercept_.astype(np.float32),
        mirror=np.append(mirror.coef_[0], mirror.intercept_).astype(np.float32),
    )


def _class_of(name: str) -> str:
    return FRONTAL if name in ("plain", "mirrored") else name


def save_heads(heads: Heads, path: Path) -> None:
    """Writes ``gate.npz``."""
    with path.open("wb") as stream:
        np.savez_compressed(
            stream,
            kinds=np.array(heads.kinds),
            weights=heads.weights,
            bias=heads.bias,
            mirror=heads.mirror,
        )
