"""Results and other JSON values in the language in use: codes and figures stay, sentences change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.decision.sentences import shown, translated
from pneumoscope.languages.current import ENGLISH, current
from pneumoscope.render import wording
from pneumoscope.render.serialise import prediction_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping

SENTENCES = frozenset(
    {
        *("title", "description", "sentence", "hint", "rule", "text", "notice", "population"),
        *("intended_use", "kinds_warning", "warnings"),
    }
)
"""Keys whose strings are for readers."""


def localised_result(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """A result that is stored in English, in the language in use.

    Args:
        result: `serialise.prediction_to_json` with ``words``, the `wording.sentences`.

    Returns:
        The same in English; else a copy in which the sentences, and only they, are translated.
    """
    if current() == ENGLISH:
        return result
    try:
        words = wording.sentences(prediction_from_json(result))
    except (KeyError, TypeError, ValueError):  # stored by a version whose results had other values
        words = {}
    return {**localised(result), "words": {**result.get("words", {}), **words}}


def localised(value: Any, *, readable: bool = False) -> Any:
    """JSON values in the language in use.

    Args:
        value: An object, list or single value.
        readable: Whether strings are sentences for readers; in objects, the key says so.

    Returns:
        A copy in which strings below keys of `SENTENCES` are translated, as far as they are known.
    """
    if isinstance(value, dict):
        return {key: localised(inner, readable=key in SENTENCES) for key, inner in value.items()}
    if isinstance(value, list):
        return [localised(inner, readable=readable) for inner in value]
    return shown(translated(value)) if readable and isinstance(value, str) else value
