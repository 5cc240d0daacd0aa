"""The gate and the decision as a TensorFlow graph around the network, for `phone_bundle`.

The same as `pneumoscope.decision` for what the pixels alone say, with the default settings of the bundle.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from pneumoscope.decision import gate
from pneumoscope.decision.lung_scores import LUNG_DOUBT, LUNG_SCORES, ONE_LUNG
from pneumoscope.decision.rules import Rules
from pneumoscope.errors import ConversionError
from pneumoscope.images import sides
from pneumoscope.records import Settings
from pneumoscope.train.formats import from_onnx

if TYPE_CHECKING:
    from pneumoscope.bundle import Bundle

    Outputs = dict[str, Any]

GREY_SIDE = "screenshot", gate.NOTE
"""The reason for a side that is one grey: here of the film as the network sees it, not as the file has it."""
SCREEN = "photo-of-a-screen", gate.NOTE
"""The reason for a picture that may show a screen."""
HEALTHY, ILL, UNDECIDED, REFUSED = range(4)
"""Values of the output ``verdict``."""


class PhoneGraph(tf.Module):  # type: ignore[misc]
    """A bundle as one function of a film.

    Attributes:
        scores: Names of the gate's scores, in the order of the output ``gate``.
        reasons: Code and level of each reason, in the order of the output ``reasons``.
        rules: The bundle's rules with their default settings.
        judge: The function of one film, uint8 (1, size, size, 1), to its outputs by name.
    """

    def __init__(self, bundle: Bundle) -> None:
        """Builds nothing but the network.

        Raises:
            ConversionError: The bundle has no class that means "nothing found", or the network
                cannot be translated.
        """
        super().__init__()
        if bundle.meta.negative is None:
            raise ConversionError(
                f"{bundle.title}: several findings at once have no single verdict",
                "Export it as litert, and decide in the app.",
            )
        self.rules = Rules.of(bundle.meta.rules, Settings())
        self._heads = None if bundle.gate is None else gate.read_heads(bundle.gate)
        self._limits = dict(self.rules.offered.gate_limits or {})
        self._network = from_onnx.keras_model(bundle.model)
        # TensorFlow's modules do not see the weights of Keras; what they do not see, they save without values.
        self._weights_of_network = [variable.value for variable in self._network.variables]
        shape = (1, bundle.meta.size, bundle.meta.size, 1)
        self.judge = tf.function(
            self._judged, input_signature=[tf.TensorSpec(shape, tf.uint8, name="films")]
        )
        self._asks_for_lungs = not self._limits.keys().isdisjoint(LUNG_SCORES)
        kinds = () if self._heads is None else self._heads.kinds
        self._kinds = tuple(name for name in kinds if name != gate.FRONTAL)
        self.scores: tuple[str, ...] = ()
        self.reasons = (
            *((name, gate.REFUSE) for name in self._kinds),
            *((("not-frontal", gate.REFUSE),) if self._asks_for_lungs else ()),
            (gate.OUTSIDE, gate.REFUSE),
            (gate.OUTSIDE, gate.NOTE),
            ("mirrored", gate.NOTE),
            GREY_SIDE,
            SCREEN,
            *((code, gate.REFUSE) for code in gate.QUALITY.values()),
        )

    def _judged(self, films: Any) -> Outputs:
        outputs = self._network(films)
        grey = tf.cast(films[0, :, :, 0], tf.float32)
        scores = _grey_scores(grey)
        if self._heads is not None:
            scores |= _head_scores(self._heads, outputs["features"])
        if "lungs" in outputs:
            scores |= _lung_scores(outputs["lungs"][0])
        self.scores = tuple(scores)
        reasons = self._reasons(scores, _has_grey_side(grey))
        refused = tf.reduce_any([r for r, (_, level) in zip(reasons, self.reasons, strict=True) if level == gate.REFUSE])  # fmt: skip
        p, called, verdict = self._verdict(outputs["probabilities"], refused, reasons)
        kinds = self._named_kinds(outputs["probabilities"], p, verdict)
        judged = {
            "probabilities": outputs["probabilities"],
            "p_positive": p,
            "called": tf.cast(called, tf.int32),
            "verdict": verdict,
            "kinds": tf.cast(kinds, tf.int32),
            "gate": tf.concat([scores[name] for name in scores], 0)[None],
            "reasons": tf.cast(tf.concat(reasons, 0), tf.int32)[None],
        }
        if "heatmaps" in outputs:
            weights = self._weights(outputs, called, kinds)
            judged["heatmap"] = tf.reduce_sum(outputs["heatmaps"] * weights[..., None, None], 1)
        return judged | {name: outputs[name] for name in ("lungs",) if name in outputs}

    def _above(self, scores: Outputs, name: str, score: str | None = None) -> Any:
        value = scores.get(score or name)
        if name not in self._limits or value is None:
            return tf.constant([False])
        return value > self._limits[name]

    def _reasons(self, scores: Outputs, grey_side: Any) -> list[Any]:
        """See `gate.report`: one bool (1,) per entry of ``reasons``."""
        defects = [self._above(scores, score) for score in gate.QUALITY]
        sound = ~tf.reduce_any(defects, 0)
        unsuitable, distant = (self._above(scores, name) for name in ("unsuitable", "distance"))
        named = self._likeliest(scores, distant, sound)
        suitable, without_lungs = ~unsuitable, []
        if self._asks_for_lungs:
            beyond = tf.reduce_any([self._above(scores, name) for name in LUNG_SCORES], 0)
            without_lungs = [suitable & beyond & sound]
            suitable &= ~without_lungs[0]
        inside = suitable & ~(distant & sound)
        others = self._above(scores, gate.OTHER_PATIENTS)
        return [
            *(unsuitable & kind for kind in named),
            *without_lungs,
            suitable & distant & sound,
            inside & (others | self._above(scores, "distance-note", "distance")),
            inside & self._above(scores, "mirrored"),
            inside & grey_side,
            inside & ~grey_side & gate.may_be_screen(scores, self._limits),
            *defects,
        ]

    def _likeliest(self, scores: Outputs, distant: Any, sound: Any) -> list[Any]:
        """Whether each kind is the likeliest one, and is named whatever the film's quality."""
        if not self._kinds:
            return []
        values = tf.stack([scores[name][0] for name in self._kinds])
        far = distant & (scores["distance"] > gate.FAR * self._limits.get("distance", math.inf))
        chosen = tf.argmax(values, output_type=tf.int32)
        named = []
        for i, name in enumerate(self._kinds):
            in_spite = (scores[name] > gate.CERTAIN) | (far if name in gate.FOREIGN else False)
            named.append((chosen == i) & (sound | in_spite))
        return named

    def _verdict(self, probabilities: Any, refused: Any, reasons: list[Any]) -> tuple[Any, Any, Any]:  # fmt: skip
        """P(positive), whether it is called positive, and the verdict; see `triage.judge`, `gated`."""
        labels, point = self.rules.offered.labels, self.rules.points[0]
        p = tf.clip_by_value(1.0 - probabilities[:, labels.negative_column], 0.0, 1.0)
        called = p >= point.threshold
        certain = tf.constant([True])
        if self.rules.limits is not None:
            negative, positive = self.rules.limits.questions[labels.positive]
            certain = (((1.0 - p) >= negative) != called) & ((p >= positive) == called)
        outside = reasons[self.reasons.index((gate.OUTSIDE, gate.NOTE))]
        verdict = tf.where(called, ILL, HEALTHY)
        verdict = tf.where(certain & ~outside, verdict, UNDECIDED)
        return p, called, tf.where(refused, REFUSED, verdict)

    def _named_kinds(self, probabilities: Any, p: Any, verdict: Any) -> Any:
        """bool (1, classes): the kinds that the verdict names."""
        labels = self.rules.offered.labels
        is_kind = np.array([name in labels.kinds for name in labels.names])
        if self.rules.limits is None:
            others = np.array([name != labels.negative for name in labels.names])
            likeliest = tf.argmax(tf.where(others, probabilities, -1.0), 1, tf.int32)
            named = tf.one_hot(likeliest, len(labels.names)) > 0
        else:
            least = [self.rules.limits.kinds.get(name, math.inf) for name in labels.names]
            named = probabilities >= np.array(least, np.float32) * p[:, None]
        return named & is_kind & (verdict == ILL)[:, None]

    def _weights(self, outputs: Outputs, called: Any, kinds: Any) -> Any:
        """float32 (1, classes): of the map of each class; see `triage.heatmap_class`, `kind_weights`."""
        labels = self.rules.offered.labels
        column = labels.negative_column
        is_kind = np.array([i != column for i in range(len(labels.names))], np.float32)[None]
        if "lungs" in outputs or is_kind.sum() == 1:
            whole = tf.constant(is_kind)
        else:
            shares = outputs["probabilities"] * is_kind
            total = tf.reduce_sum(shares, 1, keepdims=True)
            whole = tf.where(total > 0, shares / tf.maximum(total, 1e-30), is_kind / is_kind.sum())
        single = tf.cast(kinds, tf.float32)
        is_single = tf.reduce_sum(single, 1, keepdims=True) == 1.0
        positive = tf.where(is_single, single, whole)
        return tf.where(called[:, None], positive, 1.0 - is_kind)


def _grey_scores(grey: Any) -> Outputs:
    """See `gate.grey_statistics`.

    Args:
        grey: float32 (size, size), 0 to 255.
    """
    rows, columns = grey.shape
    count = rows * columns
    flat = tf.reshape(grey, [count])
    lowest = -tf.math.top_k(-flat, math.ceil(0.01 * count)).values[-1]
    highest = tf.math.top_k(flat, count - math.ceil(0.99 * count) + 1).values[-1]
    inner = grey[rows // 8 : rows - rows // 8, columns // 8 : columns - columns // 8]
    ends = tf.reduce_mean(tf.cast((inner <= 2.0) | (inner >= 253.0), tf.float32))
    along = grey[:, 1:] - grey[:, :-1]
    fine = tf.reduce_mean(tf.abs(along[:, 1:] - along[:, :-1]))
    coarse = tf.reduce_mean(tf.abs(along))
    values = {
        "flatness": 1.0 - (highest - lowest) / 255.0,
        "saturation": ends,
        "blur": 1.0 - fine / tf.maximum(2.0 * coarse, 1e-3),
    }
    return {name: tf.reshape(value, [1]) for name, value in values.items()}


def _has_grey_side(grey: Any) -> Any:
    """See `sides.has_grey_side`: bool (1,); args as in `_grey_scores`."""
    px = max(sides.LEAST_PX, int(sides.DEPTH * grey.shape[0]))
    strips = (grey[:px], grey[-px:], grey[:, :px], grey[:, -px:])
    whole = _is_one_grey(grey)
    return tf.reshape(tf.reduce_any([_is_one_grey(strip) for strip in strips]) & ~whole, [1])


def _is_one_grey(side: Any) -> Any:
    levels = tf.reshape(side, [-1])
    middle = -tf.math.top_k(-levels, (levels.shape[0] - 1) // 2 + 1).values[-1]
    near = tf.reduce_mean(tf.cast(tf.abs(levels - middle) <= sides.TOLERANCE, tf.float32))
    return (middle >= sides.BLACK) & (middle <= sides.WHITE) & (near >= sides.SHARE)


def _head_scores(heads: gate.Heads, features: Any) -> Outputs:
    """See `gate.Heads.scores`."""
    p = tf.nn.softmax(tf.matmul(features, heads.weights) + heads.bias)
    scores = {name: p[:, i] for i, name in enumerate(heads.kinds)}
    scores["unsuitable"] = 1.0 - scores.pop(gate.FRONTAL)
    scores["distance"] = tf.sqrt(tf.reduce_mean(features**2, 1))
    for name, coefficients in (("mirrored", heads.mirror), (gate.OTHER_PATIENTS, heads.others)):
        if coefficients is not None:
            odds = tf.matmul(features, coefficients[:-1, None])[:, 0] + coefficients[-1]
            scores[name] = tf.sigmoid(odds)
    return scores


def _lung_scores(field: Any) -> Outputs:
    """See `pneumoscope.decision.lung_scores`.

    Args:
        field: float32 (h, w) in [0, 1].
    """
    total = tf.reduce_sum(field)
    doubt = tf.reduce_sum(4.0 * field**2 * (1.0 - field)) / tf.maximum(total, 1e-6)
    columns = tf.unstack(tf.reduce_sum(field, 0))
    goodness = [tf.constant(0.0)]
    for cut in range(1, len(columns) - 1):
        left, right = columns[:cut], columns[cut + 1 :]
        lower = tf.minimum(tf.reduce_max(left), tf.reduce_max(right))
        share = 2.0 * tf.minimum(tf.add_n(left), tf.add_n(right)) / tf.maximum(total, 1e-6)
        goodness.append(tf.minimum(1.0 - columns[cut] / tf.maximum(lower, 1e-6), share))
    values = {
        ONE_LUNG: 1.0 - tf.reduce_max(goodness),
        LUNG_DOUBT: tf.where(total > 1e-6, doubt, 1.0),
    }
    return {name: tf.reshape(value, [1]) for name, value in values.items()}
