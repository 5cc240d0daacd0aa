"""Names of files where people read them: what would move or restyle other text is made visible."""

from __future__ import annotations

import re

# Control characters and what is like them: C0, DEL, C1; marks, embeddings, overrides and isolates of
# the bidirectional algorithm (UAX 9); line and paragraph separators; bytes that are no text.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str, keep: str = "") -> str:
    """The text with such characters written as Python writes them, like ``\\x1b``.

    Args:
        text: Any text, such as the name of a file.
        keep: Characters that stay as they are.
    """
    return _HIDDEN.sub(lambda match: match[0] if match[0] in keep else _written(match[0]), text)


def _written(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
