"""The frame of every HTML page that commands write: colours, heading, facts and footer.

Pages are light or dark as the reader's system is, and are printed in light colours.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import translated
from pneumoscope.languages.current import current
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from collections.abc import Sequence

DARK = (
    "--ground:#101418;--card:#171d23;--line:#27303a;--text:#e8edf2;--soft:#9fb0c0;"
    "--red:#ff6b6b;--green:#4ccf8a;--amber:#f2b84b;--grey:#aab4be;--blue:#8cc4ee;"
    "--wash:#1d2630;--mind:#2b2413;--track:#2a343e"
)
"""The dark colours, as CSS declarations."""
LIGHT = (
    "--ground:#f5f6f8;--card:#fff;--line:#d9dee5;--text:#17202b;--soft:#566575;"
    "--red:#a32018;--green:#14693f;--amber:#8a5a00;--grey:#555d66;--blue:#0b3c5d;"
    "--wash:#eef3f7;--mind:#fdf5e3;--track:#dde3ea"
)
"""The light colours, as CSS declarations."""

_STYLE = (
    f":root{{color-scheme:light;{LIGHT}}}"
    f"@media screen and (prefers-color-scheme:dark){{:root{{color-scheme:dark;{DARK}}}}}"
    + """
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:1120px;margin:0 auto;padding:40px 24px 64px}
h1{font-size:28px;font-weight:600;margin:0 0 4px;letter-spacing:-.01em;overflow-wrap:anywhere}
.notice{color:var(--amber);font-weight:600;margin:0 0 16px}
.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:2px 16px;margin:0 0 28px;font-size:14px}
.facts dt{color:var(--soft)}.facts dd{margin:0;overflow-wrap:anywhere}
figure{margin:0}figcaption{color:var(--soft);font-size:13px;margin-top:6px}
table{border-collapse:collapse}
.wide{overflow-x:auto;max-width:100%}
footer{color:var(--soft);font-size:13px;overflow-wrap:anywhere}
@media(max-width:600px){main{padding:24px 14px 48px}.facts{grid-template-columns:1fr;gap:0}.facts dd{margin:0 0 6px}}
@media print{:root{--ground:#fff}main{max-width:none;padding:0}}
"""
)


def framed(
    body: Sequence[str],
    title: str,
    *,
    lead: str = "",
    facts: Sequence[tuple[str, str]] = (),
    style: str = "",
    footer: str = NOTICE,
    notice: bool = True,
) -> str:
    """A self-contained page.

    Args:
        body: HTML of its parts.
        title: Title and heading, as text.
        lead: HTML of the summary, below the heading.
        facts: Names and values below the summary, as text, such as the date and the bundle.
        style: CSS to add to the frame's.
        footer: Last line, as text in English; it is translated.
        notice: Whether the notice stands below the heading; the footer should contain it, too.
    """
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return (
        f'<!doctype html><html lang="{current()}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head><body><main>"
        f"<h1>{escape(title)}</h1>"
        + (f'<p class="notice">{translated(NOTICE)}</p>' if notice else "")
        + lead
        + (f'<dl class="facts">{rows}</dl>' if rows else "")
        + f"{''.join(body)}<footer>{escape(translated(footer))}</footer></main></body></html>\n"
    )
