"""Fits a bundle's gate: heads on the network's middle maps, and limits on validation films.

The heads learn from training films, plain and augmented, from what `unsuitable` makes of them, from
the pictures of a folder, if there is one, and from films of other patients, if there are any. The limits are set on films of validation patients,
plain and under the stress suite, so that few of these are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pneumoscope.data.stress import stress_suite
from pneumoscope.decision.gate import FRONTAL, OTHER_PATIENTS, Heads, grey_statistics
from pneumoscope.decision.lung_scores import lung_scores
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
`unsuitable` takes half as many as are augmented (see `_VARIED`), each drawing 3 in 20."""
STRESSED = 180
"""Validation films, at most, that go through the whole stress suite. Limits are high quantiles of their
scores: with 60 films, two draws of them moved the limit of `saturation` from 0.17 to 0.24."""
AXES = 384
"""Main axes, at most. With 128, the gate of `children` recognised fewer mirrored films (0.87 in place of
0.93), and its heads alone missed twice as many lateral views of a kind that they had not learned."""
_CHECKED = 5
_VARIED = ("cropped",)
"""Changes that look more different from film to film than others: the heads learn from twice as many."""
_CHEST = ("plain", FRONTAL, "mirrored")
"""Conditions of the population's chest films."""
SEED = 20180222

# Mild enough that a reader would still read the film, with both lungs on it.
_MILD: Final = Augmentation(
    erase=0.1, scale_x=(0.85, 1.2), scale_y=(0.85, 1.2), shift=0.05, crop_max=0.1
)


@dataclass(frozen=True, slots=True, eq=False)
class Outsiders:
    """Pictures that the bundle is not for.

    Attributes:
        pictures: Pictures that are not chest films; None to learn from changed and drawn ones only.
        patients: Chest films of patients outside the population, uint8 (n, source_size, source_size).
            One in five is not learned from but tells how many are recognised.
    """

    pictures: Pictures | None
    patients: Films

    @property
    def learned(self) -> Films:
        """Films of other patients that the gate learns from."""
        return self.patients[np.arange(len(self.patients)) % _CHECKED > 0]

    @property
    def checked(self) -> Films:
        """The others of them."""
        return self.patients[::_CHECKED]


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
    outsiders: Outsiders | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    lungs: Features | None = None,
) -> Fitted:
    """Fits heads and limits.

    Args:
        features: uint8 (n, size, size, 1) to the network's cells (n, d).
        films: All films, with their splits.
        size: Side of the network's input in pixels.
        outsiders: Pictures that the bundle is not for; None to learn from changed and drawn ones only.
        progress: Called with (pictures done, pictures in all).
        lungs: uint8 (n, size, size, 1) to lung fields (n, h, w); None if the network does not look for
            lungs.
    """
    outsiders = outsiders or Outsiders(None, films.pixels[:0])
    learned = _learning_set(films, outsiders, np.random.default_rng(SEED))
    # Drawn by itself, so that the limits do not depend on how many pictures are learned from.
    checked = _checking_set(films, outsiders, np.random.default_rng(SEED + 1))
    total = sum(map(len, (*learned.values(), *checked.values())))
    extract = FeatureExtractor(features, size, total, progress)
    x = {kind: extract(part) for kind, part in learned.items()}
    axes = _axes(x)
    heads = _heads({kind: axes.coordinates(cells) for kind, cells in x.items()})
    fields = None if lungs is None else FeatureExtractor(lungs, size, 0)
    scores = {}
    for name, part in checked.items():
        scores[name] = heads.scores(axes.coordinates(extract(part))) | grey(part, size)
        if fields is not None:
            scores[name] |= lung_scores(fields(part))
    limits = limits_of(scores)
    measured = {"learned": {kind: len(part) for kind, part in learned.items()}}
    return Fitted(axes, heads, {"limits": limits, "measured": measured | measure(scores, limits)})


def _learning_set(
    films: FilmSet, outsiders: Outsiders, rng: np.random.Generator
) -> dict[str, Films]:
    """Kind to pictures of the source size; `_CHEST` are chest films."""
    rows = films.rows("train")
    rows = rng.permutation(rows[films.in_population[rows]])
    plain = np.stack([films.pixels[i] for i in rows[:PLAIN]])
    side, count = plain.shape[1], min(FILMS, len(rows))
    learned = {"plain": plain, FRONTAL: augment(plain[:count], side, rng, _MILD)}
    # Each kind is drawn by itself, so that a new one does not change the others.
    for kind, change in unsuitable.CHANGES.items():
        draws = np.random.default_rng([SEED, *kind.encode()])
        films_of_kind = count if kind in _VARIED else count // 2
        chosen = draws.permutation(len(plain))[: max(2, films_of_kind)]
        views = augment(plain[chosen], side, draws, _MILD)
        learned[kind] = np.stack([change(film, draws) for film in views])
    foreign: dict[str, list[Films]] = {}
    for kind, draw in unsuitable.DRAWINGS.values():
        drawings = [draw(side, rng) for _ in range(max(2, 3 * count // 20))]
        foreign.setdefault(kind, []).append(np.stack(drawings))
    if outsiders.pictures is not None and not outsiders.pictures.held_out.all():
        _add_pictures(foreign, outsiders.pictures, side, rng)
    for kind, parts in foreign.items():
        learned[kind] = np.concatenate([*parts, learned[kind]] if kind in learned else parts)
    if len(patients := outsiders.learned):
        augmented = augment(patients[:count], side, rng, _MILD)
        learned[OTHER_PATIENTS] = np.concatenate([patients, augmented])
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


def _checking_set(
    films: FilmSet, outsiders: Outsiders, rng: np.random.Generator
) -> dict[str, Films]:
    """Condition to validation films: plain, stressed, and changed into each unsuitable kind.

    Also films of other patients, if there are any.
    """
    plain = np.stack([films.pixels[i] for i in films.rows("validation")])
    some = plain[rng.permutation(len(plain))[:STRESSED]]
    conditions = {"plain": plain}
    views = plain[rng.permutation(len(plain))[: 2 * STRESSED]]
    conditions[AUGMENTED] = augment(views, plain.shape[1], rng, _MILD)
    for name, perturb in stress_suite().items():
        conditions[f"{STRESS}{name}"] = np.stack([perturb(film) for film in some])
    for kind, change in unsuitable.CHANGES.items():
        chosen = plain[rng.permutation(len(plain))[:STRESSED]]
        conditions[kind] = np.stack([change(film, rng) for film in chosen])
    if len(outsiders.patients):
        conditions[OTHER_PATIENTS] = outsiders.checked
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
    chest = np.concatenate([x[name] for name in _CHEST])
    mean = chest.mean(axis=0)
    # A feature that hardly varies over chest films would dominate the others on other pictures.
    scale = np.maximum(chest.std(axis=0), 0.1 * chest.std())
    every = np.clip((np.concatenate(list(x.values())) - mean) / scale, -CLIP, CLIP)
    # Not films of other patients: the distance is that from the population's.
    inside = np.concatenate([np.full(len(part), name in _CHEST) for name, part in x.items()])
    middle = every[inside].mean(axis=0)
    spread = np.linalg.eigh(np.cov(every - middle, rowvar=False))[1][:, ::-1]
    rough = spread[:, : min(AXES, len(every) // 4)]
    variance, turn = np.linalg.eigh(np.cov((every - middle)[inside] @ rough, rowvar=False))
    axes = rough @ (turn / np.sqrt(variance + 0.01 * variance.max()))
    axes = axes.astype(np.float16).astype(np.float32)  # as a model stores them
    parts = (mean, scale, axes, middle @ axes)
    return Axes(*(part.astype(np.float32) for part in parts))


def _heads(x: dict[str, NDArray[np.float32]]) -> Heads:
    """Logistic heads on coordinates, kind by kind."""
    from sklearn.linear_model import LogisticRegression

    at = np.concatenate(list(x.values()))
    kind = np.concatenate([np.full(len(part), _class_of(name)) for name, part in x.items()])
    names = np.concatenate([np.full(len(part), name) for name, part in x.items()])
    # Without class weights: with balanced ones, each kind counts as much as all chest films together. The gate
    # of `children` then refused 8 of its 4,436 training films in place of 2.
    # With C = 0.1, one of the 29 films in full size reaches its limit; with 0.3, fewer screens are recognised.
    head = LogisticRegression(C=0.2, max_iter=1000).fit(at, kind)
    sides = np.isin(names, [FRONTAL, "mirrored"])
    # More regularised, since it has few films for so many axes: with C = 0.1, the gate of `adults` recognised
    # 0.67 of the mirrored films in place of 0.78.
    mirror = LogisticRegression(C=0.01, max_iter=1000).fit(at[sides], names[sides] == "mirrored")
    others = None
    if OTHER_PATIENTS in x:
        chest = np.isin(names, [*_CHEST, OTHER_PATIENTS])
        head_of_others = LogisticRegression(C=0.1, max_iter=1000, class_weight="balanced")
        others = _coefficients(head_of_others.fit(at[chest], names[chest] == OTHER_PATIENTS))
    return Heads(
        kinds=tuple(head.classes_.tolist()),
        weights=head.coef_.T.astype(np.float32),
        bias=head.intercept_.astype(np.float32),
        mirror=_coefficients(mirror),
        others=others,
    )


def _coefficients(head: Any) -> NDArray[np.float32]:
    """Coefficients of a logistic head with two classes, (k + 1,), the constant last."""
    return np.append(head.coef_[0], head.intercept_).astype(np.float32)


def _class_of(name: str) -> str:
    return FRONTAL if name in (*_CHEST, OTHER_PATIENTS) else name


def save_heads(heads: Heads, path: Path) -> None:
    """Writes ``gate.npz``."""
    arrays: dict[str, NDArray[Any]] = {
        "kinds": np.array(heads.kinds),
        "weights": heads.weights,
        "bias": heads.bias,
        "mirror": heads.mirror,
    }
    if heads.others is not None:
        arrays["others"] = heads.others
    with path.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
