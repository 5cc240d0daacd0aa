"""Fits a bundle's gate: heads on the network's middle maps, and limits on validation films.

The heads learn from training films, plain and augmented, from what `unsuitable` makes of them, and
from pictures of a folder, if there is one. The limits are set on films of validation patients,
plain and under the stress suite, so that few of these are refused.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pneumoscope import images
from pneumoscope.data.stress import stress_suite
from pneumoscope.decision.gate import FRONTAL, Heads, grey_statistics
from pneumoscope.errors import DataError, ImageError
from pneumoscope.images import resample
from pneumoscope.train.data.augment import augment
from pneumoscope.train.gate import unsuitable
from pneumoscope.train.gate.features import CLIP, Axes
from pneumoscope.train.recipe.augmentation import Augmentation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.data import FilmSet

    Features = Callable[[NDArray[np.uint8]], NDArray[np.floating[Any]]]
    Films = NDArray[np.uint8]

PLAIN, FILMS = 4000, 1000
"""Training films that the heads learn from as they are, and augmented; each change takes half as
many as are augmented, each drawing 3 in 20. All at most."""
STRESSED = 60
"""Validation films that go through the whole stress suite."""
AXES = 128
AUGMENTED = "augmented"
SEED = 20180222
MANIFEST = "manifest.csv"
"""In a folder of pictures: ``file``, ``kind`` and ``held_out`` (``True`` for those not to learn from)."""

CHEST_LIKE: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            *("ct-slice", "mr-slice", "ultrasound", "phantom", "scintigram", "other-radiograph"),
            *("drr-abdomen", "drr-axial", "drr-skull"),
        ),
        "not-a-chest",
    ),
    "drr-lateral": "not-frontal",
}
"""Kind of a collected picture to the gate's reason; any other is not a radiograph."""

_TIGHTEST = 0.99
"""P(unsuitable) above which a film is refused whatever validation films say: heads that find these
unsuitable, too, know little, but a limit of 1 would refuse nothing."""

# Mild enough that a reader would still read the film, with both lungs on it.
_MILD: Final = Augmentation(
    erase=0.1, scale_x=(0.85, 1.2), scale_y=(0.85, 1.2), shift=0.05, crop_max=0.1
)
_LOOSEST = 0.5
"""P(unsuitable) up to which a film always passes: the likelier answer is that it is a chest film."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Collected pictures that are no chest films.

    Attributes:
        films: uint8 (n, source_size, source_size).
        kinds: Kind of each, such as ``"photograph"``.
        held_out: bool (n,): not to learn from.
    """

    films: Films
    kinds: tuple[str, ...]
    held_out: NDArray[np.bool_]


def read_pictures(folder: Path, side: int) -> Pictures:
    """Pictures of a folder with a `MANIFEST`, as ``tools/gate_material.py`` writes it.

    Raises:
        DataError: There is no manifest, or it lists what cannot be read.
    """
    try:
        with (folder / MANIFEST).open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        films = [images.model_input(images.read(folder / row["file"]), side, side) for row in rows]
        return Pictures(
            np.stack(films),
            tuple(row["kind"] for row in rows),
            np.array([_truth(row["held_out"]) for row in rows]),
        )
    except (OSError, KeyError, ValueError, ImageError) as error:
        raise DataError(
            f"{folder}: no collection of pictures ({error})",
            f"It needs {MANIFEST} with the columns file, kind and held_out.",
        ) from error


def _truth(text: str) -> bool:
    """Of ``held_out``; anything doubtful would be learned from unseen."""
    found = {"true": True, "1": True, "false": False, "0": False}.get(text.strip().lower())
    if found is None:
        raise ValueError(f"held_out is {text!r}, neither True nor False")
    return found


@dataclass(frozen=True, slots=True)
class Fitted:
    """A gate.

    Attributes:
        axes: To which the network's cells are turned, see `gate_features.project`.
        heads: What reads them.
        record: What ``bundle.json`` says of it: ``limits`` and ``measured``.
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
        pictures: What else is no chest film; None to learn from changed and drawn ones only.
        progress: Called with (pictures done, pictures in all).
    """
    rng = np.random.default_rng(SEED)
    learned = _learning_set(films, pictures, rng)
    checked = _checking_set(films, rng)
    look = Looker(features, size, sum(map(len, (*learned.values(), *checked.values()))), progress)
    x = {kind: look(part) for kind, part in learned.items()}
    axes = _axes(x)
    heads = _heads({kind: axes.coordinates(part) for kind, part in x.items()})
    seen = {name: look(part) for name, part in checked.items()}
    scores = {
        name: heads.scores(axes.coordinates(found)) | grey(part, size)
        for (name, part), found in zip(checked.items(), seen.values(), strict=True)
    }
    limits = _limits(scores)
    measured = {"learned": {kind: len(part) for kind, part in learned.items()}}
    return Fitted(axes, heads, {"limits": limits, "measured": measured | _measured(scores, limits)})


def _learning_set(
    films: FilmSet, pictures: Pictures | None, rng: np.random.Generator
) -> dict[str, Films]:
    """Kind to pictures of the source size; ``"plain"`` and ``"mirrored"`` are chest films."""
    rows = rng.permutation(films.rows("train"))
    plain = np.stack([films.pixels[i] for i in rows[:PLAIN]])
    side, count = plain.shape[1], min(FILMS, len(rows))
    found = {"plain": plain, FRONTAL: augment(plain[:count], side, rng, _MILD)}
    for kind, change in unsuitable.CHANGES.items():
        views = augment(plain[rng.permutation(len(plain))[: max(2, count // 2)]], side, rng, _MILD)
        found[kind] = np.stack([change(film, rng) for film in views])
    drawn: dict[str, list[Films]] = {}
    for kind, draw in unsuitable.DRAWINGS.values():
        each = [draw(side, rng) for _ in range(max(2, 3 * count // 20))]
        drawn.setdefault(kind, []).append(np.stack(each))
    if pictures is not None and not pictures.held_out.all():
        own = np.flatnonzero(~pictures.held_out)
        # Twice, once changed: turned, inverted, otherwise exposed, they are no better.
        changed = augment(pictures.films[own], side, rng, _MILD)
        for i, film in enumerate(changed):
            changed[i] = _turned(film, rng)
        kinds = np.array([CHEST_LIKE.get(pictures.kinds[i], "not-a-radiograph") for i in own])
        for kind in dict.fromkeys(kinds.tolist()):
            mine = kinds == kind
            drawn.setdefault(kind, []).extend([pictures.films[own[mine]], changed[mine]])
    for kind, parts in drawn.items():
        found[kind] = np.concatenate([*parts, found[kind]] if kind in found else parts)
    return found


def _turned(film: Films, rng: np.random.Generator) -> Films:
    turned = np.rot90(film, int(rng.integers(4)))
    return 255 - turned if rng.random() < 0.3 else turned


def _checking_set(films: FilmSet, rng: np.random.Generator) -> dict[str, Films]:
    """Condition to validation films: plain, stressed, and changed into each unsuitable kind."""
    plain = np.stack([films.pixels[i] for i in films.rows("validation")])
    some = plain[rng.permutation(len(plain))[:STRESSED]]
    found = {"plain": plain}
    views = plain[rng.permutation(len(plain))[: 6 * STRESSED]]
    found[AUGMENTED] = augment(views, plain.shape[1], rng, _MILD)
    for name, perturb in stress_suite().items():
        found[f"stress:{name}"] = np.stack([perturb(film) for film in some])
    for kind, change in unsuitable.CHANGES.items():
        chosen = plain[rng.permutation(len(plain))[: 3 * STRESSED]]
        found[kind] = np.stack([change(film, rng) for film in chosen])
    return found


@dataclass(slots=True)
class Looker:
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
    found = [grey_statistics(resample(film, size)) for film in films]
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def _axes(x: dict[str, NDArray[np.float32]]) -> Axes:
    """Axes of most variance over all pictures, scaled by the chest films."""
    chest = np.concatenate([x["plain"], x[FRONTAL], x["mirrored"]])
    mean = chest.mean(axis=0)
    # A feature that hardly varies over chest films would drown the others elsewhere.
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


def _limits(scores: dict[str, dict[str, NDArray[np.float64]]]) -> dict[str, float]:
    """Score to limit, so wide that few validation films lie above it.

    At most 0.5 % of plain films lie above any one. Another hospital's films lie farther out than
    plain ones, as stressed and augmented films do; foreign pictures lie beyond all of them.
    """
    plain, augmented = scores["plain"], scores[AUGMENTED]
    stressed = [found for name, found in scores.items() if name.startswith("stress:")]

    def worst(score: str) -> float:
        under = np.concatenate([found[score] for found in stressed])
        return float(max(np.quantile(plain[score], 0.995), np.quantile(under, 0.98)))

    def worst_condition(score: str) -> float:
        # A blur must not be refused more often than other conditions because it is one of many.
        under = max(float(np.quantile(found[score], 0.98)) for found in stressed)
        return max(float(np.quantile(plain[score], 0.995)), under)

    limits = {
        "unsuitable": min(
            max(_LOOSEST, worst("unsuitable"), float(np.quantile(augmented["unsuitable"], 0.97))),
            _TIGHTEST,
        ),
        "distance": max(worst("distance"), float(np.quantile(augmented["distance"], 0.995))),
        "distance-note": float(np.quantile(plain["distance"], 0.98)),
        "mirrored": max(_LOOSEST, float(np.quantile(plain["mirrored"], 0.99))),
        # Half the least contrast: the network evens contrast out.
        "flatness": 1 - (1 - worst_condition("flatness")) / 2,
        "saturation": worst_condition("saturation"),
        "blur": worst_condition("blur"),
    }
    return {name: round(value, 4) for name, value in limits.items()}


def _measured(
    scores: dict[str, dict[str, NDArray[np.float64]]], limits: dict[str, float]
) -> dict[str, Any]:
    """Shares of validation films: refused by each score as they are and stressed; recognised."""
    found: dict[str, Any] = {}
    refusing = [name for name in limits if name not in ("distance-note", "mirrored")]

    def refused(part: dict[str, NDArray[np.float64]], names: list[str]) -> NDArray[np.bool_]:
        return np.any([part[name] > limits[name] for name in names], axis=0)

    plain = scores["plain"]
    found["plain"] = {
        "films": len(plain["distance"]),
        "refused": float(refused(plain, refusing).mean()),
        **{name: float(refused(plain, [name]).mean()) for name in limits if name in plain},
    }
    found["stress"] = {
        name.removeprefix("stress:"): float(refused(part, refusing).mean())
        for name, part in scores.items()
        if name.startswith("stress:")
    }
    found[AUGMENTED] = float(refused(scores[AUGMENTED], refusing).mean())
    found["changed"] = {}
    for kind in unsuitable.CHANGES:
        part = scores[kind]
        if kind == "mirrored":
            found["changed"][kind] = {"recognised": float((part[kind] > limits[kind]).mean())}
            continue
        names = [name for name in part if name in unsuitable.CHANGES and name != "mirrored"]
        likeliest = np.array(names)[np.argmax([part[name] for name in names], axis=0)]
        out = refused(part, refusing)
        found["changed"][kind] = {
            "refused": float(out.mean()),
            "recognised": float((out & (likeliest == kind)).mean()),
        }
    return found


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
