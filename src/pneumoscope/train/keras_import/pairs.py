"""The user's own pairs: what the notebook's model says of some films, compared with the import.

A file ``pairs.npz`` has ``p``, the answers of the notebook, and either ``x``, what the network was
given (the whole preprocessing is the notebook's), or ``files``, the names of films that pneumoscope
then prepares itself. Only the second kind shows whether resizing and scaling are right too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import images
from pneumoscope.errors import ConversionError, ImageError, UsageError
from pneumoscope.files import cause
from pneumoscope.records import RESIZES
from pneumoscope.train.keras_import import mistakes, rounding, saved, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Answers = Callable[[NDArray[np.float32]], NDArray[np.float32]]
    """Pictures (n, size, size, channels) to probabilities (n, units)."""

INPUTS, FILMS = "x", "files"
MAX_DP = {INPUTS: 1e-4, FILMS: 0.02}
"""Largest |dp| of pairs that agree. Decoders of JPEG differ by a grey level or two."""
MAX_DP_HALF = 1e-2
"""The same for a model that the notebook ran in half precision."""
_MOST = 64
"""Films that are compared; more would show nothing new."""
_HINT = (
    "In the notebook: np.savez('pairs.npz', x=x, p=model.predict(x)), or files=names of films in "
    "place of x."
)
_OTHER_WEIGHTS = (
    "The file has other weights than the model in the notebook, or p is of another version of it. "
    "Save both again."
)
_IN_HALF = (
    "The notebook computed in half precision, which alone changes these answers by up to {:.2g}: they "
    "cannot tell more. Save those of float32: without the policy, build the model again, "
    "model_32.set_weights(model.get_weights()), and save p of model_32."
)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Inputs of the notebook's model and its answers.

    Attributes:
        kind: `INPUTS` or `FILMS`.
        x: float32 (n, size, size, channels), the network's own input; None for films.
        files: Paths of films; empty for inputs.
        p: float32 (n, units), what the model's last layer gave: probabilities or logits.
        half: Whether p was rounded to half precision.
    """

    kind: str
    x: NDArray[np.float32] | None
    files: tuple[Path, ...]
    p: NDArray[np.float32]
    half: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """How an import differs from the notebook.

    Attributes:
        kind: `INPUTS` or `FILMS`.
        pairs: Their number.
        max_dp: Largest |dp| of any class.
        changed: Pairs with another class, or another finding, at 0.5.
        max_dp_half: Largest |dp| from the model in the notebook's half precision, where only this agrees;
            None otherwise.
        max_dp_tf32: Largest |dp| that TF32, the precision of a GPU, alone makes, where this explains the
            difference; None otherwise.
    """

    kind: str
    pairs: int
    max_dp: float
    changed: int
    max_dp_half: float | None = None
    max_dp_tf32: float | None = None


@dataclass(frozen=True, slots=True)
class Preparation:
    """How films become the input of the notebook's model.

    Attributes:
        size: Side of the network's input in pixels.
        source_size: Side of the intermediate film of the resizing with antialiasing.
        channels: 1 or 3.
        scaling: One of `serving.SCALINGS`.
        resize: One of `pneumoscope.records.RESIZES`.
    """

    size: int
    source_size: int
    channels: int
    scaling: str
    resize: str


def read(file: Path) -> Pairs:
    """Reads pairs.

    Raises:
        UsageError: The file is missing, damaged, or has no pairs.
    """
    if not file.is_file():
        raise UsageError(f"{file}: {'is a folder' if file.is_dir() else 'no such file'}", _HINT)
    with file.open("rb") as stream:
        is_numpy = stream.read(6).startswith((b"PK", b"\x93NUMPY"))
    if not is_numpy:  # NumPy would advise to open it as a pickle
        raise UsageError(f"{file.name}: is no file of np.savez (.npz)", _HINT)
    try:
        content = np.load(file, allow_pickle=False)
        if isinstance(content, np.ndarray):
            raise UsageError(f"{file.name}: is one array (.npy), not several with names", _HINT)
        with content:
            names = content.files
            arrays = {
                name: _array(content, name, file.name)
                for name in (INPUTS, FILMS, "p")
                if name in names
            }
    except UsageError:
        raise
    # NumPy raises many classes for damaged files.
    except Exception as error:
        raise UsageError(f"{file.name}: cannot be read as .npz ({cause(error)})", _HINT) from error
    kinds = [kind for kind in (INPUTS, FILMS) if kind in arrays]
    if "p" not in arrays or len(kinds) != 1:
        contents = ", ".join(names) or "nothing"
        raise UsageError(f"{file.name}: has {contents}, not p and one of x and files", _HINT)
    p, half = _answers_of(arrays["p"], file.name), arrays["p"].dtype == np.float16
    if len(arrays[kinds[0]]) != len(p):
        raise UsageError(
            f"{file.name}: has {len(arrays[kinds[0]])} {kinds[0]}, but {len(p)} p", _HINT
        )
    if kinds[0] == INPUTS:
        x = arrays[INPUTS]
        if x.ndim != 4 or x.dtype.kind not in "fui":
            raise UsageError(
                f"{file.name}: x has the shape {x.shape}, not (pictures, rows, columns, channels)",
                _HINT,
            )
        if not np.isfinite(x[:_MOST]).all():
            raise UsageError(f"{file.name}: some values of x are not numbers", _HINT)
        return Pairs(INPUTS, x[:_MOST].astype(np.float32), (), p[:_MOST], half)
    films = [
        name.decode() if isinstance(name, bytes) else str(name)
        for name in arrays[FILMS].ravel()[:_MOST]
    ]
    return Pairs(FILMS, None, tuple(_path(name, file.parent) for name in films), p[:_MOST], half)


def _array(content: Any, name: str, file: str) -> NDArray[Any]:
    """One of the arrays in a file."""
    try:
        return np.asarray(content[name])
    except ValueError as error:
        if "bject array" not in str(error):
            raise
        kind = "str" if name == FILMS else "np.float32"
        raise UsageError(
            f"{file}: {name} is an array of Python objects, which are not opened",
            f"In the notebook, before np.savez: {name} = np.array(list({name}), dtype={kind}).",
        ) from error


def _answers_of(p: NDArray[Any], name: str) -> NDArray[np.float32]:
    if p.dtype.kind not in "fui" or p.ndim not in (1, 2) or not len(p):
        raise UsageError(f"{name}: p has the shape {p.shape}, not (pictures, classes)", _HINT)
    if not np.isfinite(p).all():
        raise UsageError(f"{name}: some p are not numbers", _HINT)
    return p.reshape(len(p), -1).astype(np.float32)


def _path(name: str, folder: Path) -> Path:
    """A film by its path, which may be relative to the file of pairs."""
    path = Path(name)
    return path if path.is_absolute() or path.exists() else folder / path


def compare(
    pairs: Pairs,
    model: Any,
    preparation: Preparation,
    *,
    half: bool,
    logits: str = "",
    in_half: Callable[[], Any] | None = None,
) -> Comparison:
    """Compares the notebook's answers with those of the loaded model.

    Args:
        pairs: See `read`.
        model: The loaded model.
        preparation: How the options of the import prepare films.
        half: Whether the notebook computed in half precision.
        logits: What makes probabilities of the model's values, ``"sigmoid"`` or ``"softmax"``; nothing
            if they are probabilities.
        in_half: Loads the model in the notebook's half precision; only called if it is needed.

    Raises:
        UsageError: Pairs and model do not go together, or a film cannot be read.
        ConversionError: They differ; the hint names the options that agree, if any do.
    """
    _check_shapes(pairs, model, preparation)
    readings, answers = _readings(pairs, logits), partial(_answers, model, logits)
    limit = max(MAX_DP[pairs.kind], MAX_DP_HALF if half or pairs.half else 0.0)
    films = [_film(path) for path in pairs.files]
    x = _prepared(films, preparation) if pairs.x is None else pairs.x
    p = answers(x)
    result, pairs = _nearest(readings, p)
    if result.max_dp <= limit:
        return result
    if in_half is not None:
        rounded = _answers(in_half(), logits, x)
        dp, change = _nearest(readings, rounded)[0].max_dp, float(np.abs(rounded - p).max())
        # Other processors round otherwise, by as much: both differ from float32.
        if dp <= limit or result.max_dp <= 2 * change <= rounding.MOST:
            return replace(result, max_dp_half=dp)
        if 2 * change > rounding.MOST:
            raise _different(result, _IN_HALF.format(change))
        limit = max(limit, 2 * change)
    if pairs.x is None:
        if mistakes.are_shuffled(pairs.p, p, limit):
            raise _different(result, mistakes.SHUFFLED)
        raise _different(result, _better(pairs, films, answers, preparation, limit))
    if mistake := _mistake(readings, pairs, x, answers, limit):
        raise _different(result, mistake)
    if in_half is not None:
        raise _different(result, _OTHER_WEIGHTS)
    with rounding.in_tf32(model):
        change = float(np.abs(answers(x) - p).max())
    # It rounds what the layers give, too.
    limit = min(2 * change, rounding.MOST)
    if result.max_dp <= limit:
        return replace(result, max_dp_tf32=change)
    mistake = _mistake(readings, pairs, x, answers, limit)
    raise _different(result, mistake or _OTHER_WEIGHTS)


def _check_shapes(pairs: Pairs, model: Any, preparation: Preparation) -> None:
    """Raises `UsageError` if the model takes other pictures, or gives another number of answers."""
    size, channels = preparation.size, preparation.channels
    if pairs.p.shape[1] != model.outputs[0].shape[-1]:
        raise UsageError(
            f"the pairs have {pairs.p.shape[1]} p for each picture, the model gives "
            f"{model.outputs[0].shape[-1]}",
            "Save what model.predict returns.",
        )
    if pairs.x is not None and pairs.x.shape[1:] != (size, size, channels):
        raise UsageError(
            f"the pairs have pictures {pairs.x.shape[1:]}, the model takes {(size, size, channels)}",
            _HINT,
        )


def _readings(pairs: Pairs, logits: str) -> list[Pairs]:
    """The pairs with p as probabilities: of a model that gives logits, the notebook may have saved either.

    Two readings if the values can be both: logits may all lie between 0 and 1.
    """
    least, most = float(pairs.p.min()), float(pairs.p.max())
    are_shares = -MAX_DP_HALF <= least <= most <= 1 + MAX_DP_HALF
    if not logits and not are_shares:
        raise UsageError(
            f"p of the pairs goes from {least:g} to {most:g}, but the model gives probabilities, "
            "from 0 to 1",
            "Save what model.predict returns, as it is.",
        )
    readings = [pairs] if are_shares else []
    if logits:
        p = np.asarray(serving.of_logits(pairs.p, logits), np.float32)
        readings.append(replace(pairs, p=p))
    return readings


def _nearest(readings: Sequence[Pairs], p: NDArray[np.float32]) -> tuple[Comparison, Pairs]:
    """The comparison of the reading that is nearest to the model's probabilities, and that reading."""
    results = [(_comparison(reading, p), reading) for reading in readings]
    return min(results, key=lambda result: result[0].max_dp)


def _answers(model: Any, logits: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
    try:
        values = model.predict(x, verbose=0, batch_size=16)
    # Keras passes on whatever the layers of an odd model raise.
    except Exception as error:
        raise ConversionError(
            f"the model gives no answer ({saved.reason_of(error)})",
            "Does it answer in the notebook? A layer of it may have a setting that this Keras lacks.",
        ) from error
    return np.asarray(serving.of_logits(values, logits) if logits else values, np.float32)


def _comparison(pairs: Pairs, p: NDArray[np.float32]) -> Comparison:
    if p.shape[1] > 1 and np.abs(pairs.p.sum(axis=1) - 1).max() < 1e-2:
        changed = p.argmax(axis=1) != pairs.p.argmax(axis=1)
    else:
        changed = ((p >= 0.5) != (pairs.p >= 0.5)).any(axis=1)
    dp = float(np.abs(p - pairs.p).max())
    # A picture at the threshold itself may fall on either side.
    near = np.abs(p - pairs.p).max(axis=1) <= MAX_DP[INPUTS]
    return Comparison(
        kind=pairs.kind, pairs=len(p), max_dp=dp, changed=int((changed & ~near).sum())
    )


def _different(result: Comparison, hint: str) -> ConversionError:
    return ConversionError(
        f"the import differs from your pairs: |dp| up to {result.max_dp:.2g}, {result.changed} of "
        f"{result.pairs} pictures get another answer at 0.5",
        f"{hint} Nothing was written.",
    )


def _mistake(
    readings: Sequence[Pairs], pairs: Pairs, x: NDArray[np.float32], answers: Answers, limit: float
) -> str:
    """See `mistakes.sentence`; `pairs` are the reading that is nearest to the model's answers."""

    def agrees(p: NDArray[np.float32]) -> bool:
        return _nearest(readings, p)[0].max_dp <= limit

    return mistakes.sentence(pairs.p, x, answers, agrees, limit)


def _film(path: Path) -> Any:
    try:
        return images.read(path)
    except ImageError as error:
        raise UsageError(f"a film of the pairs cannot be read: {error}", error.hint) from error


def _prepared(films: list[Any], preparation: Preparation) -> NDArray[np.float32]:
    size = preparation.size
    source = preparation.source_size if preparation.resize == RESIZES[0] else size
    inputs = [images.model_input(film, size, source, preparation.resize) for film in films]
    return serving.scaled(np.stack(inputs)[..., None], preparation.channels, preparation.scaling)


def _better(
    pairs: Pairs, films: list[Any], answers: Answers, preparation: Preparation, limit: float
) -> str:
    """The options that agree best with the notebook, as a sentence."""
    results = {}
    for resize in RESIZES:
        for scaling in serving.scalings_of(preparation.channels):
            other = Preparation(
                size=preparation.size,
                source_size=preparation.source_size,
                channels=preparation.channels,
                scaling=scaling,
                resize=resize,
            )
            p = answers(_prepared(films, other))
            results[resize, scaling] = _comparison(pairs, p).max_dp
    (resize, scaling), dp = min(results.items(), key=lambda item: item[1])
    options = f"--resize {resize} --scaling {scaling}"
    if dp <= limit:
        return f"{options} agrees with them (|dp| {dp:.2g})."
    return (
        f"No --resize and --scaling agrees with them; {options} comes nearest (|dp| {dp:.2g}). Does the "
        "notebook crop, equalise or otherwise change its pictures? Pairs of x and p tell whether the "
        "network itself is right."
    )
