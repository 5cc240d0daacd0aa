"""A report as one self-contained HTML file for screen and print."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from pneumoscope.evidence.report.blocks import (
    Gallery,
    Heading,
    Note,
    Paragraph,
    Picture,
    Points,
    Table,
)
from pneumoscope.render.page_frame import framed
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from pneumoscope.evidence.report.blocks import Block, Report

_STYLE = """
body{font-size:15px;line-height:1.55}
main{max-width:960px;padding:36px 20px 64px}
h1{font-size:27px}.notice{margin:0 0 6px}
.subtitle{margin:0 0 10px;overflow-wrap:anywhere}
nav,section{background:var(--card);border:1px solid var(--line);border-radius:10px;margin:0 0 22px;padding:20px 26px}
nav b{font-size:14px}nav ol{columns:2;column-gap:36px;margin:8px 0 0;padding-left:22px;font-size:14px}
nav li{break-inside:avoid;padding:1px 0}nav a{color:var(--blue);text-decoration:none}nav a:hover{text-decoration:underline}
section>h2{font-size:20px;font-weight:600;color:var(--blue);margin:0 0 10px}
h3{font-size:16px;font-weight:600;margin:24px 0 8px;break-after:avoid}h2{break-after:avoid}
p{margin:0 0 10px}.soft{color:var(--soft);font-size:13.5px}
ul{margin:0 0 12px;padding-left:20px}li{margin:3px 0}
.box{border-left:4px solid var(--blue);background:var(--wash);padding:9px 14px;margin:0 0 14px;border-radius:0 6px 6px 0;
font-size:14px;break-inside:avoid}
.box.mind{border-color:var(--amber);background:var(--mind)}
.wide{overflow-x:auto;margin:0 0 16px}
table{width:100%;font-size:13.5px}
th,td{padding:5px 10px;border-top:1px solid var(--line);text-align:left;vertical-align:top}
th{border-top:0;border-bottom:1.5px solid var(--text);font-weight:600;vertical-align:bottom}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.w{overflow-wrap:anywhere;min-width:10.5em}tr{break-inside:avoid}
tr.strong td{font-weight:600;background:var(--wash)}thead{display:table-header-group}
figure{margin:0 0 18px;break-inside:avoid}
figure>img{display:block;max-width:100%;margin:0 auto}figure>img.plot{background:#fff;border-radius:8px}
.films{display:grid;gap:16px 12px;margin:0 0 18px}
.films img{width:100%;border-radius:4px}.films figcaption{font-size:12px;line-height:1.4;overflow-wrap:anywhere}
.films figcaption b{color:var(--text);font-weight:600}
@media(max-width:700px){nav ol{columns:1}.films{grid-template-columns:1fr 1fr!important}}
@media print{body{font-size:10.5pt}
nav,section{border:0;padding:0;margin:0 0 18px}table{font-size:8.5pt}.wide{overflow:visible}
.box,tr.strong td{print-color-adjust:exact}footer{display:none}a{color:inherit}}
@media print and (max-width:700px){table{table-layout:fixed;font-size:6.5pt}th,td{padding:3px 4px}
td.n,th.n{white-space:normal;overflow-wrap:anywhere;hyphens:auto}td.w,th.w{min-width:0;overflow-wrap:anywhere}}
"""


def html(report: Report) -> str:
    """The HTML page of a report."""
    sections: list[list[Block]] = [[]]
    for block in report.blocks:
        if isinstance(block, Heading) and block.level == 1:
            sections.append([])
        sections[-1].append(block)
    names = [part[0].text for part in sections[1:] if isinstance(part[0], Heading)]
    entries = "".join(
        f'<li><a href="#s{i}">{escape(name)}</a></li>' for i, name in enumerate(names, 1)
    )
    body = [
        *([f"<section>{_blocks(sections[0])}</section>"] if sections[0] else []),
        f'<nav aria-label="Contents"><b>Contents</b><ol>{entries}</ol></nav>',
        *(
            f'<section id="s{i}">{_blocks(part)}</section>'
            for i, part in enumerate(sections[1:], 1)
        ),
    ]
    return framed(
        body,
        report.title,
        lead=f'<p class="subtitle">{escape(report.subtitle)}</p>',
        facts=report.facts,
        style=_STYLE + _paper(report.mark),
        footer=f"{report.mark}. {NOTICE}",
    )


def _paper(mark: str) -> str:
    """Style of the margins of printed pages: bundle, notice and page number."""
    safe = f"{mark} · {NOTICE}".replace("\\", "").replace('"', "'").replace("<", "")
    font = "font:8pt system-ui,sans-serif;color:#566575"
    return (
        f'@page{{margin:16mm 15mm 18mm;@bottom-left{{content:"{safe}";{font}}}'
        f'@bottom-right{{content:counter(page) " / " counter(pages);{font}}}}}'
    )


def _blocks(blocks: list[Block]) -> str:
    return "".join(_block(block) for block in blocks)


def _block(block: Block) -> str:
    match block:
        case Heading(text=text, level=level):
            return f"<h{level + 1}>{escape(text)}</h{level + 1}>"
        case Paragraph(text=text, soft=soft):
            return f"<p{' class=soft' if soft else ''}>{escape(text)}</p>"
        case Points(items=items):
            return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"
        case Note(title=title, text=text, kind=kind):
            return f'<div class="box {kind}"><b>{escape(title)}</b> {escape(text)}</div>'
        case Table():
            return _table(block)
        case Picture():
            return _picture(block)
        case Gallery():
            return _gallery(block)


def _table(table: Table) -> str:
    kinds = ["w" if i == 0 or i in table.words else "n" for i in range(len(table.head))]
    whole = sum(table.widths)
    columns = "".join(f'<col style="width:{100 * w / whole:.1f}%">' for w in table.widths)
    head = "".join(
        f'<th class="{kind}">{escape(cell)}</th>'
        for kind, cell in zip(kinds, table.head, strict=True)
    )
    rows = "".join(
        f"<tr{' class=strong' if i in table.strong else ''}>"
        + "".join(
            f'<td class="{kind}">{escape(cell)}</td>' for kind, cell in zip(kinds, row, strict=True)
        )
        + "</tr>"
        for i, row in enumerate(table.rows)
    )
    return (
        f'<div class="wide"><table>{columns}<thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _picture(picture: Picture) -> str:
    data = base64.b64encode(picture.plot.svg).decode()
    return (
        f'<figure><img class="plot" alt="{escape(picture.caption, quote=True)}" '
        f'style="width:{100 * picture.plot.width:.0f}px" '
        f'src="data:image/svg+xml;base64,{data}"><figcaption>{escape(picture.caption)}'
        "</figcaption></figure>"
    )


def _gallery(gallery: Gallery) -> str:
    figures = []
    for film in gallery.films:
        if film is None:
            figures.append("<span></span>")
            continue
        first, *rest = (escape(line) for line in film.lines)
        caption = "<br>".join([f"<b>{first}</b>", *rest])
        data = base64.b64encode(film.jpeg).decode()
        figures.append(
            f'<figure><img alt="{escape(film.lines[0], quote=True)}" '
            f'src="data:image/jpeg;base64,{data}"><figcaption>{caption}</figcaption></figure>'
        )
    return (
        f'<div class="films" style="grid-template-columns:repeat({gallery.columns},1fr)">'
        f"{''.join(figures)}</div>"
    )
