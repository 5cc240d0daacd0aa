"""Recipes: TOML deltas over one frozen `Recipe`."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from pneumoscope.errors import RecipeError
from pneumoscope.train.augment import Augmentation

TAILS = ("strided", "undilated", "dilated")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what a training makes of its films.

    Attributes:
        name: Name of the bundle.
        version: Version of the bundle.
        seed: Of the weights of the head, the order of the films and the augmentation.
        size: Side of the network's input in pixels.
        source_size: Side in pixels at which films are cached and augmented.
        tail: Last stage of MobileNetV2: ``"strided"`` as published (heatmap of size / 32),
            ``"undilated"`` or ``"dilated"`` without its stride (size / 16).
        clip: Standardised films are clipped at this many standard deviations.
        dropout: Before the last layer.
        batch_norm_frozen: Keep BatchNorm at its pretrained values; without pretrained weights it
            is always trained, with momentum 0.95.
        validation: Share of each class's patients that is held out.
        batch_size: Films in a step.
        class_weight_power: Films of a class with share q weigh q ** -power; 0 is off, 1 makes the
            classes equal.
        frozen_blocks: Leading parts of the backbone (stem, then blocks) that are never trained;
            edges and textures of ImageNet serve as they are, and each step costs less.
        label_smoothing: In [0, 1).
        mixup: Parameter of the Beta distribution (Zhang et al. 2018); 0 is off.
        regions: Share of the films that are composed of two, each part answering for its own
            class, so that heatmaps localise; 0 is off.
        head_epochs: Epochs with a frozen backbone.
        head_learning_rate: Their learning rate, constant.
        epochs: Epochs with the whole network.
        learning_rate: Peak of warm-up and cosine.
        warmup_epochs: Of a linear warm-up, may be a fraction.
        weight_decay: Of AdamW; in the second phase on kernels only.
        ema: Decay of the exponential moving average of weights and BatchNorm statistics, per step;
            0 is off.
        augment: Ranges and probabilities of the augmentation.
    """

    name: str = "model"
    version: str = "1"
    seed: int = 0
    size: int = 128
    source_size: int = 224
    tail: str = "dilated"
    clip: float = 3.0
    dropout: float = 0.2
    batch_norm_frozen: bool = True
    validation: float = 0.15
    batch_size: int = 32
    class_weight_power: float = 0.5
    frozen_blocks: int = 0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    regions: float = 0.0
    head_epochs: int = 1
    head_learning_rate: float = 1e-3
    epochs: int = 12
    learning_rate: float = 5e-4
    warmup_epochs: float = 1.0
    weight_decay: float = 1e-4
    ema: float = 0.0
    augment: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        _check(self.tail in TAILS, "tail", self.tail, f"one of {', '.join(TAILS)}")
        _check(
            self.size >= 32 and self.size % 32 == 0,
            "size",
            self.size,
            "a multiple of 32, 32 or more",
        )
        _check(self.source_size >= self.size, "source_size", self.source_size, "at least size")
        _check(0 < self.validation < 1, "validation", self.validation, "between 0 and 1")
        for name in ("dropout", "label_smoothing", "ema"):
            _check(0 <= getattr(self, name) < 1, name, getattr(self, name), "in [0, 1)")
        _check(0 <= self.regions <= 1, "regions", self.regions, "in [0, 1]")
        _check(not (self.regions and self.mixup), "mixup", self.mixup, "0 where regions are in use")
        _check(0 <= self.frozen_blocks <= 17, "frozen_blocks", self.frozen_blocks, "0 to 17")
        for name in ("batch_size", "epochs"):
            _check(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        for name in ("clip", "learning_rate", "head_learning_rate"):
            _check(getattr(self, name) > 0, name, getattr(self, name), "above 0")
        for name in (
            "head_epochs",
            "weight_decay",
            "mixup",
            "warmup_epochs",
            "seed",
            "class_weight_power",
        ):
            _check(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")


def shipped() -> dict[str, Path]:
    """Name to file of the recipes inside the package."""
    folder = Path(str(resources.files("pneumoscope.train") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load(name: str, **overrides: Any) -> Recipe:
    """Reads a recipe.

    Args:
        name: Path of a TOML file, or the name of a shipped recipe.
        overrides: Values that replace the file's, None meaning "leave it".

    Raises:
        RecipeError: No such recipe, or an unknown key, a wrong type or a value out of range.
    """
    known = shipped()
    path = known.get(name, Path(name))
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise RecipeError(
            f"recipe {name}: no such file and not shipped",
            f"Shipped recipes: {', '.join(known)}. Or give the path of a TOML file.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe {name}: is not TOML ({error})") from error
    return from_json(table | {key: value for key, value in overrides.items() if value is not None})


def from_json(table: dict[str, Any]) -> Recipe:
    """A recipe from plain values, such as `resolved` gives or TOML holds.

    Raises:
        RecipeError: An unknown key, a wrong type or a value out of range.
    """
    recipe: Recipe = _from_table(Recipe, table, "")
    return recipe


def resolved(recipe: Recipe) -> dict[str, Any]:
    """The whole recipe as JSON-ready values."""
    return dataclasses.asdict(recipe)


def _from_table(kind: type[Any], table: dict[str, Any], prefix: str) -> Any:
    types = get_type_hints(kind)
    known = {f.name for f in fields(kind)}
    values = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        if key not in known:
            raise RecipeError(f"recipe: unknown key {name}", f"Known: {', '.join(sorted(known))}.")
        values[key] = _convert(types[key], value, name)
    try:
        return kind(**values)
    except ValueError as error:
        if isinstance(error, RecipeError):
            raise
        raise RecipeError(f"recipe: {error}") from error


def _convert(wanted: Any, value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        if not isinstance(value, dict):
            raise RecipeError(f"recipe: {name} must be a table, not {value!r}")
        return _from_table(wanted, value, f"{name}.")
    if get_origin(wanted) is tuple:
        parts = get_args(wanted)
        if not isinstance(value, list) or len(value) != len(parts):
            raise RecipeError(
                f"recipe: {name} must be a list of {len(parts)} values, not {value!r}"
            )
        return tuple(_convert(t, v, name) for t, v in zip(parts, value, strict=True))
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise RecipeError(f"recipe: {name} must be {wanted.__name__}, not {value!r}")
    return value


def _check(good: bool, name: str, value: object, wanted: str) -> None:
    if not good:
        raise RecipeError(f"recipe: {name} is {value!r}", f"It must be {wanted}.")
