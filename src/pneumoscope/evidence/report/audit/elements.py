"""Tables and pictures of the audit page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pneumoscope.errors import ImageError
from pneumoscope.evidence.audit import films as audit_films
from pneumoscope.render import sheet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pneumoscope.evidence.audit.results import Audit

_SIDE = 224


def film_picture(result: Audit, row: int) -> str:
    """A film of the reading, by its position, as an ``<img>``."""
    entry = result.listing.entries[int(result.reading.rows[row])]
    try:
        pixels = audit_films.film_of(entry.path)
    except ImageError:  # it was readable during the audit
        return '<p class="soft">gone</p>'
    name = escape(entry.name, quote=True)
    return f'<img alt="{name}" src="{sheet.picture(pixels, _SIDE)}">'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: bool = False) -> str:
    """A table; columns after the first contain figures, or text with ``words``."""
    kind = "words" if words else "n"
    top = "".join(
        f"<th{'' if i == 0 or words else ' class=n'}>{escape(cell)}</th>"
        for i, cell in enumerate(head)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{'' if i == 0 else f' class={kind}'}>{escape(cell)}</td>"
            for i, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"


def remainder(count: int, shown: int) -> str:
    """How many items are not shown; ``""`` if all are."""
    left = count - shown
    if left <= 0:
        return ""
    return f'<p class="soft">And {left:,} more: audit.json lists all.</p>'
