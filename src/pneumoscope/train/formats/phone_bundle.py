"""A bundle as one LiteRT file: network, gate and decision as one graph, and the words that belong to it.

Behind the model the file has a ZIP archive, as files with TFLite metadata have: interpreters read the beginning,
ZIP readers the end. Decoding and resizing stay with the app, and so do the gate's reasons that need more than
pixels: what a film's file says about age, view, size and colour.
"""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any, Final

import tensorflow as tf

from pneumoscope.bundle import open_bundle
from pneumoscope.decision import gate
from pneumoscope.decision.sentences import of_gate
from pneumoscope.records import NORMAL, REFUSED, UNDETERMINED
from pneumoscope.render.serialise import NOTICE
from pneumoscope.train.formats.phone_graph import GREY_SIDE, SCREEN, PhoneGraph

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.bundle import Bundle

WORDS: Final = "pneumoscope.json"
"""Name of the JSON in the archive."""


def write(model: Path, target: Path) -> None:
    """Writes the file of a bundle.

    Args:
        model: ``model.onnx`` in the bundle's folder.
        target: The file.

    Raises:
        ConversionError: The bundle knows several findings, or its network cannot be translated.
    """
    bundle = open_bundle(model.parent)
    graph = PhoneGraph(bundle)
    saved = target.with_name("savedmodel")
    tf.saved_model.save(graph, str(saved), {"serving_default": graph.judge})
    target.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(saved)).convert())
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(WORDS, json.dumps(words_of(bundle, graph), ensure_ascii=False, indent=1))


def words_of(bundle: Bundle, graph: PhoneGraph) -> dict[str, Any]:
    """What an app needs to know of the outputs: their names, and the sentences for people."""
    meta, rules = bundle.meta, graph.rules
    point, limits = rules.points[0], rules.limits
    return {
        "bundle": bundle.title,
        "bundle_sha256": bundle.sha256,
        "notice": NOTICE,
        "intended_use": meta.intended_use,
        "population": meta.population.text,
        "warnings": list(meta.warnings),
        "kinds_warning": meta.kinds_warning,
        "size": meta.size,
        "source_size": meta.source_size,
        "labels": list(meta.labels),
        "verdicts": [NORMAL, meta.positive, UNDETERMINED, REFUSED],
        "operating_point": {"name": point.name, "threshold": point.threshold},
        "error_rate": None if limits is None else limits.error,
        "gate": list(graph.scores),
        "reasons": [
            {"code": code, "level": level, "sentence": _sentence(code, level), "hint": gate.REASONS[code][1]}
            for code, level in graph.reasons
        ],
    }  # fmt: skip


def _sentence(code: str, level: str) -> str:
    names = {GREY_SIDE: "grey_side", SCREEN: "screen"}
    name = names.get((code, level))
    return of_gate(name) if name else gate.REASONS[code][0]


def words_in(path: Path) -> dict[str, Any]:
    """The words in a file that `write` wrote."""
    with zipfile.ZipFile(path) as archive:
        words: dict[str, Any] = json.loads(archive.read(WORDS))
    return words
