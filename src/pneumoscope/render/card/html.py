"""The card of a bundle as an HTML page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import capitalised
from pneumoscope.render.page_frame import framed

if TYPE_CHECKING:
    from pneumoscope.bundle import Bundle

_STYLE = """
body{font-size:15px;line-height:1.55}main{max-width:960px}
main>section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:20px 26px;margin:0 0 22px}
h2{font-size:20px;font-weight:600;color:var(--blue);margin:26px 0 10px;break-after:avoid}
section>:first-child{margin-top:0}h3{font-size:16px;font-weight:600;margin:22px 0 8px;break-after:avoid}
section{overflow-wrap:anywhere}td,th{overflow-wrap:normal}p,ul,ol{margin:0 0 10px}li{margin:3px 0}a{color:var(--blue)}code{font-size:.92em;overflow-wrap:anywhere}
pre{background:var(--wash);border-radius:6px;padding:10px 14px;overflow-x:auto}
table{font-size:13.5px;width:100%}
th,td{padding:5px 10px;border-top:1px solid var(--line);text-align:left;vertical-align:top}
th{border-top:0;border-bottom:1.5px solid var(--text);font-weight:600}
@media(max-width:600px){main>section{padding:14px}}
@media print{main>section{border:0;padding:0}}
"""


def card_page(bundle: Bundle, markdown: str, created: str) -> str:
    """The page.

    Args:
        bundle: What the card is of.
        markdown: The card, as `card_of` returns it; its first line is the title.
        created: Date of the page.
    """
    from markdown_it import MarkdownIt

    title, _, text = markdown.partition("\n")
    # Texts of a bundle may come from elsewhere: no HTML in them is taken as such.
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    body = body.replace("<table>", '<div class="wide"><table>').replace(
        "</table>", "</table></div>"
    )
    facts = [
        ("Date", created),
        ("Model", f"{bundle.title}, SHA-256 {bundle.sha256}"),
        ("Made for", f"{capitalised(bundle.meta.population.text)}."),
    ]
    return framed(
        [f"<section>{body}</section>"], title.removeprefix("# "), facts=facts, style=_STYLE
    )
