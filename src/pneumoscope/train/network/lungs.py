"""A head that reads the lungs: a lung field, evidence per cell, and a verdict for each lung.

Every cell of the last map gives the probability that it lies on the right or the left lung, and log
odds of illness. Each lung pools the evidence over its own cells only, and the film is ill if one lung is.
So evidence outside the lungs cannot reach the verdict, and evidence on one lung does not count for
the other. The heatmap shows how much each cell adds to the verdict: no gradient has to be interpreted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.train.recipe.settings import Recipe

FEATURES, LOGITS = "features", "logits"
"""Layers of every network, see `pneumoscope.train.network.keras_model`."""
LUNGS = "lungs"
"""The lung field, in logits (n, h, w, 2): the lung on the left of the picture first."""
EVIDENCE = "evidence"
"""Log odds per cell, (n, h, w, 1 + kinds) or (n, h, w, findings)."""
SIDES = 2
MIRRORED = 4
"""One film in so many is compared with its mirror image: each costs as much as another film."""
NOTHING = -4.0
"""Log odds of a part of the film that shows no lung: healthy, as far as can be seen."""
STRONG = 2.0
"""Log odds of illness at which a cell is half balanced, see `pneumoscope.train.network.mirror_balance`. If blanked
lungs, of which nothing can be said (log odds near 0), were balanced too, they would give the label away more often."""
_PRIOR_CELLS = 0.25
"""Cells of `NOTHING` that every lung is pooled with, so that an empty one has an answer."""
_LEAST = 1e-5
"""Least -log P(healthy), where float32 still tells 1 - P from 0."""
_NO_LUNG = 1e-9
"""Keeps the logarithm of a lung field finite: a sigmoid may give 0, and in a browser -6e-8."""


@keras.saving.register_keras_serializable("pneumoscope")
class LungPooling(keras.layers.Layer):  # type: ignore[misc]
    """Logits from the evidence on each lung.

    Input: ``[lungs, evidence]``, see `LUNGS` and `EVIDENCE`, or ``[lungs, evidence, parts]`` with
    float32 parts (n, r, h, w) in [0, 1]: which cells belong to each part of a composed film.
    Output: float32 (n, units) or (n, r, units).

    A lung's log odds are the logarithm of its mean odds over its cells, weighted by the lung field
    without its gradient (else a network could move the field to where the evidence is). The film is
    healthy if both lungs are: P(ill) = 1 - (1 - P(left)) (1 - P(right)).

    Args:
        task: ``"binary"`` gives one logit, that of the positive class; ``"multiclass"`` gives one
            per class, whose softmax has the same odds of illness; ``"multilabel"`` one per finding.
    """

    def __init__(self, task: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.task = task

    def call(self, inputs: Any) -> Any:
        lungs, evidence, *parts = inputs
        field = ops.stop_gradient(ops.sigmoid(ops.cast(lungs, "float32")))
        evidence = ops.cast(evidence, "float32")
        if not parts:
            return self._logits(field, evidence)
        weights = ops.cast(parts[0], "float32")
        regions = [
            self._logits(field * weights[:, i, :, :, None], evidence)
            for i in range(weights.shape[1])
        ]
        return ops.stack(regions, axis=1)

    def _logits(self, field: Any, evidence: Any) -> Any:
        """Logits (n, units) from a field (n, h, w, 2) and evidence (n, h, w, k)."""
        if self.task == "multilabel":
            count = evidence.shape[-1]
            return ops.concatenate(
                [_film(field, evidence[..., i : i + 1]) for i in range(count)], axis=-1
            )
        ill = _film(field, evidence[..., :1])
        if self.task == "binary":
            return ill
        # Kinds are weighted by the evidence: healthy cells have no opinion on them.
        weight = ops.sum(field, axis=-1, keepdims=True)
        weight = weight * ops.stop_gradient(ops.sigmoid(evidence[..., :1]))
        total = ops.sum(weight, axis=(1, 2)) + 1e-3
        kinds = ops.sum(evidence[..., 1:] * weight, axis=(1, 2)) / total
        # Not zeros: for a variable number of films they cannot be expressed in all formats.
        return ops.concatenate([ill - ill, ill + ops.log_softmax(kinds, axis=-1)], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        lungs, evidence, *parts = input_shape
        units = evidence[-1]
        return (lungs[0], parts[0][1], units) if parts else (lungs[0], units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "task": self.task}


def _film(field: Any, evidence: Any) -> Any:
    """Log odds of illness (n, 1) from a field (n, h, w, 2) and one map of evidence (n, h, w, 1)."""
    # -log P(healthy)
    healthy = ops.sum(ops.softplus(_lung_odds(field, evidence)), axis=-1, keepdims=True)
    healthy = ops.maximum(healthy, _LEAST)
    return healthy + ops.log(1 - ops.exp(-healthy))


def _lung_odds(field: Any, evidence: Any) -> Any:
    """Log odds of either lung (n, 2), the one on the left of the picture first; see `_film`."""
    top = ops.maximum(ops.max(evidence, axis=(1, 2)), NOTHING)  # (n, 1)
    odds = ops.exp(evidence - top[:, None, None, :])
    nothing = _PRIOR_CELLS * ops.exp(NOTHING - top)
    mean = (ops.sum(field * odds, axis=(1, 2)) + nothing) / (
        ops.sum(field, axis=(1, 2)) + _PRIOR_CELLS
    )
    return ops.log(mean) + top


def maps_of(field: Any, evidence: Any, task: str) -> Any:
    """Heatmaps: how much each cell adds to the odds of the class, by `_shares_of_odds`.

    Args:
        field: See `field_of`.
        evidence: See `EVIDENCE`.
        task: See `LungPooling`.

    Returns:
        float32 (n, classes, h, w) in [0, 1], the negative class first; (n, findings, h, w) for
        several findings. The kinds divide one map among them. That of the negative class is the
        probability that the cell is healthy, times the field.
    """
    if task == "multilabel":
        heat = _shares_of_odds(field, evidence)
    else:
        ill = _shares_of_odds(field, evidence[..., :1])
        kinds = ill if task == "binary" else ill * ops.softmax(evidence[..., 1:], axis=-1)
        healthy = field[..., None] * ops.sigmoid(-evidence[..., :1])
        heat = ops.concatenate([healthy, kinds], axis=-1)
    return ops.transpose(heat, (0, 3, 1, 2))


def _shares_of_odds(field: Any, evidence: Any) -> Any:
    """The odds of each cell on the lungs, divided by 1 + the highest of them: float32 (n, h, w, k).

    A lung's verdict is that of its mean odds, so these are the shares that the cells have in it. The
    cell with the highest odds has its own probability; no other has more than its own. The
    probabilities themselves would be alike where evidence is strong and where it is very strong.
    """
    field = field[..., None]
    highest = ops.max(evidence + ops.log(ops.maximum(field, _NO_LUNG)), axis=(1, 2), keepdims=True)
    return field * ops.exp(evidence - ops.softplus(ops.maximum(evidence, highest)))


def field_of(lungs: Any) -> Any:
    """The lung field (n, h, w) in [0, 1] of `LUNGS`: the larger of the two lungs' probabilities."""
    return ops.sigmoid(ops.max(lungs, axis=-1))


def head(features: Any, recipe: Recipe, classes: int) -> Any:
    """The head: logits from feature maps (n, h, w, k).

    Its layers `LUNGS`, `EVIDENCE` and `LOGITS` are found by their names.
    """
    units = 1 if recipe.task == "binary" else classes
    small = keras.initializers.RandomNormal(stddev=0.01, seed=recipe.seed_of_start_weights)
    lungs = keras.layers.Conv2D(SIDES, 1, name=LUNGS, dtype="float32", kernel_initializer=small)(
        features
    )
    x = features
    if recipe.dropout:
        x = keras.layers.SpatialDropout2D(
            recipe.dropout, seed=recipe.seed, name="dropout", dtype="float32"
        )(x)
    evidence = keras.layers.Conv2D(
        units, 1, name=EVIDENCE, dtype="float32", kernel_initializer=small
    )(x)
    return LungPooling(recipe.task, name=LOGITS, dtype="float32")([lungs, evidence])


class WithMirrored(keras.layers.Layer):  # type: ignore[misc]
    """Films (n, size, size, 1), and after them the mirror images of the first `MIRRORED` of them."""

    def call(self, films: Any) -> Any:
        count = ops.shape(films)[0] // MIRRORED
        return ops.concatenate([films, ops.flip(films[:count], axis=2)], axis=0)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (None, *input_shape[1:])


class MirrorDifference(keras.layers.Layer):  # type: ignore[misc]
    """How far a film and its mirror image disagree about the lungs, of films from `WithMirrored`.

    Input: ``[lungs, evidence]`` of all films, see `LUNGS` and `EVIDENCE`. Output: the same of the
    films alone, and float32 (n, 1): the mean difference of the log odds of a lung, 0 where a film has
    no mirror image; scaled so that the mean over the films is that over the mirrored ones.

    Lungs are compared, not cells: strided convolutions see the cells of a mirror image elsewhere.
    """

    def call(self, inputs: Any) -> Any:
        lungs, evidence = inputs
        every = ops.shape(lungs)[0]
        count = every // (MIRRORED + 1)
        films = every - count
        field = ops.stop_gradient(ops.sigmoid(ops.cast(lungs, "float32")))
        odds = _lung_odds(field, ops.cast(evidence, "float32")[..., :1])
        apart = ops.mean(ops.abs(odds[:count] - odds[films:, ::-1]), axis=-1, keepdims=True)
        apart = apart * ops.cast(films, "float32") / ops.cast(ops.maximum(count, 1), "float32")
        return lungs[:films], evidence[:films], ops.pad(apart, [[0, films - count], [0, 0]])

    def compute_output_shape(self, input_shape: Any) -> Any:
        lungs, evidence = input_shape
        return (None, *lungs[1:]), (None, *evidence[1:]), (None, 1)


def composed(model: Any, *, mirrored: bool = False) -> Any:
    """The network for films composed of two, as it is trained; all weights are shared with it.

    Args:
        model: What `pneumoscope.train.network.keras_model.build` made, with this head.
        mirrored: Whether it also compares films with their mirror images.

    Returns:
        A ``keras.Model`` from films (n, size, size, 1) and parts (n, 2, h, w) in [0, 1] to
        ``parts``, the logits (n, 2, units) of the film's own cells and its partner's,
        ``lungs``, see `LUNGS`, and perhaps ``mirror``, see `MirrorDifference`.
    """
    lungs, evidence = (model.get_layer(name).output for name in (LUNGS, EVIDENCE))
    films, others = model.input, {}
    if mirrored:
        films = keras.Input(model.input.shape[1:], name="originals", dtype=model.input.dtype)
        maps = keras.Model(model.input, [lungs, evidence], name="maps")
        lungs, evidence, others["mirror"] = MirrorDifference(name="mirror", dtype="float32")(
            maps(WithMirrored(dtype=model.input.dtype)(films))
        )
    parts = keras.Input((2, *lungs.shape[1:3]), name="parts")
    logits = model.get_layer(LOGITS)([lungs, evidence, parts])
    outputs_of_parts = {"parts": logits, "lungs": lungs} | others
    return keras.Model([films, parts], outputs_of_parts, name="composed")


def outputs_and_logits(
    model: Any, task: str, favoured: NDArray[np.float32] | None
) -> tuple[dict[str, Any], Any]:
    """What the shipped network gives beside its probabilities, and the logits of these.

    Args:
        model: What `pneumoscope.train.network.keras_model.build` made, with this head.
        task: See `LungPooling`.
        favoured: From `pneumoscope.train.network.mirror_balance`, float32 (h, w): what is subtracted from the
            evidence of each cell as far as it is `STRONG`. None for nothing.

    Returns:
        ``heatmaps`` (n, classes, h, w), see `maps_of`; ``embedding`` (n, k), the mean features over
        the lungs; ``lungs`` (n, h, w), see `field_of`; and the logits (n, units).
    """
    features = model.get_layer(FEATURES).output
    lungs, evidence = (model.get_layer(name).output for name in (LUNGS, EVIDENCE))
    logits = model.output
    if favoured is not None:
        ill = evidence[..., :1]
        balanced = ill - ops.sigmoid(ill - STRONG) * favoured[..., None]
        evidence = (
            ops.concatenate([balanced, evidence[..., 1:]], axis=-1)
            if task != "binary"
            else balanced
        )
        logits = model.get_layer(LOGITS)([lungs, evidence])
    field = field_of(lungs)
    weight = field[..., None]
    mean = ops.sum(features * weight, axis=(1, 2)) / (ops.sum(weight, axis=(1, 2)) + _PRIOR_CELLS)
    return {"heatmaps": maps_of(field, evidence, task), "embedding": mean, "lungs": field}, logits
