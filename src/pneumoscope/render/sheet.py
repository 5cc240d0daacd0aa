"""One self-contained HTML page: each film, its heatmap and its verdict."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from pneumoscope.decision.gate import OUTSIDE
from pneumoscope.decision.sentences import capitalised, shown, translated
from pneumoscope.metrics import threshold_texts
from pneumoscope.records import NORMAL, REFUSED, UNDETERMINED
from pneumoscope.render import heatmap, overview, wording
from pneumoscope.render.page_frame import framed
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.records import Outcome, Prediction, Radiograph

_SIDE = 640
"""Longest side of a picture on the page, in pixels."""
_DIGIT = 0.03
"""Width of a digit below a bar, as a share of the bar."""
_CLOSE = 0.22
"""Captions of a bar closer than this share of it would lie on each other."""

CARD_STYLE = """
.verdict{font-size:26px;font-weight:700;letter-spacing:.01em;display:flex;gap:10px;align-items:center}
.positive{color:var(--red)}.negative{color:var(--green)}.error,.unclear{color:var(--amber)}
.refused{color:var(--grey)}
.verdict{flex-wrap:wrap}.verdict small{font-size:13px;font-weight:600;border:1px solid currentColor;border-radius:6px;padding:1px 7px}
.outside{margin:0 0 12px;padding:8px 12px;border:1px solid var(--amber);border-left-width:4px;border-radius:6px;
color:var(--amber);font-size:15px;font-weight:600}
.outside span{display:block;color:var(--soft);font-size:13px;font-weight:400}
.why{margin:10px 0 0;font-size:15px;color:var(--text)}
.quiet{margin:6px 0 0;font-size:13px;color:var(--soft)}
.reasons{margin:14px 0 0;padding:0;list-style:none;font-size:15px}
.reasons li{border-left:3px solid var(--grey);padding:2px 0 2px 12px;margin-top:12px}
.reasons span{display:block;font-size:13px;color:var(--soft)}
.verdict svg{width:24px;height:24px;flex:none}
.p{font-size:15px;margin:12px 0 6px}
.bar{position:relative;height:10px;border-radius:5px;background:var(--track)}
.bar i{position:absolute;left:0;top:0;bottom:0;border-radius:5px;background:currentColor}
.bar b{position:absolute;top:-4px;bottom:-4px;width:2px;background:var(--text)}
.bar u{position:absolute;bottom:-4px;height:2px;background:var(--amber)}
.scale{position:relative;height:18px;margin-top:7px;font-size:12px;color:var(--soft)}
.scale span{position:absolute;transform:translateX(-50%);white-space:nowrap}
table{border-collapse:collapse;width:100%;margin-top:12px;font-size:14px}
td{padding:3px 0;border-top:1px solid var(--line)}td+td{text-align:right;font-variant-numeric:tabular-nums}
.mind{margin:14px 0 0;padding:0;list-style:none;font-size:13px;color:var(--soft)}
.mind li{padding-left:18px;position:relative;margin-top:6px}.mind li:before{content:"!";color:var(--amber);
font-weight:700;position:absolute;left:4px}
"""
"""CSS for the HTML that `judgement` returns, in the colours of `page_frame`."""

_STYLE = (
    CARD_STYLE
    + """
.counts{display:flex;flex-wrap:wrap;gap:8px 22px;margin:0 0 14px;padding:0;list-style:none;font-size:19px;font-weight:600}
.counts li{display:flex;gap:7px;align-items:center}.counts svg{width:20px;height:20px;flex:none}
article{background:var(--card);border:1px solid var(--line);border-radius:14px;margin:0 0 24px;
padding:20px;display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr) 300px;gap:20px;
break-inside:avoid}
article>.whole{grid-column:1/-1}article>.beside{grid-column:2/-1}
article figure img{width:100%;aspect-ratio:1;object-fit:contain;background:#000;
border-radius:8px;display:block}
h2{font-size:14px;font-weight:500;color:var(--soft);margin:0 0 12px;overflow-wrap:anywhere}
@media(max-width:900px){article{grid-template-columns:1fr 1fr}article>div:not(.beside){grid-column:1/-1}}
@media(max-width:600px){article{padding:14px}article>.beside{grid-column:1/-1}}
@media print{.bar,.bar i,.bar b,.bar u{print-color-adjust:exact}}
"""
)

_ICONS = {
    "positive": '<path d="M12 3 2 21h20zM12 10v5m0 2.5v.5" fill="none" stroke="currentColor" '
    'stroke-width="2" stroke-linejoin="round" stroke-linecap="round"/>',
    "negative": '<circle cx="12" cy="12" r="9" fill="none" stroke="currentColor" stroke-width="2"/>'
    '<path d="m8 12 3 3 5-6" fill="none" stroke="currentColor" stroke-width="2" '
    'stroke-linecap="round" stroke-linejoin="round"/>',
    "unclear": '<circle cx="12" cy="12" r="9" fill="none" stroke="currentColor" stroke-width="2"/>'
    '<path d="M9.2 9.5a2.8 2.8 0 1 1 4 2.6c-.8.4-1.2.9-1.2 1.7m0 2.7v.5" fill="none" '
    'stroke="currentColor" stroke-width="2" stroke-linecap="round"/>',
    "refused": '<circle cx="12" cy="12" r="9" fill="none" stroke="currentColor" stroke-width="2"/>'
    '<path d="m6 6 12 12" stroke="currentColor" stroke-width="2" stroke-linecap="round"/>',
    "error": '<circle cx="12" cy="12" r="9" fill="none" stroke="currentColor" stroke-width="2"/>'
    '<path d="M7 12h10" stroke="currentColor" stroke-width="2" stroke-linecap="round"/>',
}
_KINDS = {NORMAL: "negative", UNDETERMINED: "unclear", REFUSED: "refused"}

WITHOUT_HEATMAPS = (
    "UNDETERMINED stands where a film is not clearly of one class, so that of "
    "the films of either class no more than the error asked for (5 % by default) should get a wrong verdict, as "
    "far as they are like the films of validation. Nothing of the kind is known of forced verdicts and of films "
    f"outside the population. {NOTICE}"
)
"""Last line of a sheet on which no film has a heatmap."""
FOOTER = (
    "The heatmap (Grad-CAM) shows which regions raised the score of the named class in the network; "
    f"it is not an outline of disease. {WITHOUT_HEATMAPS}"
)
"""Last line of a sheet."""


def page(
    rows: Sequence[str],
    title: str = "pneumoscope",
    *,
    films: Sequence[Outcome] = (),
    facts: Sequence[tuple[str, str]] = (),
    style: str = "",
    footer: str = FOOTER,
) -> str:
    """A self-contained page of films.

    Args:
        rows: HTML of the films, as `row` returns it.
        title: Title of the page, as text.
        films: The films, for the summary; none for no summary.
        facts: What `overview.facts` returns.
        style: CSS to add to the page's own.
        footer: Last line, as text in English; it is translated.
    """
    return framed(
        rows, title, lead=_counts(films), facts=facts, style=_STYLE + style, footer=footer
    )


def _counts(films: Sequence[Outcome]) -> str:
    """How many films got each verdict, as a list."""
    if not films:
        return ""
    kinds = {wording.verdict(p): _kind(p) for film in films if (p := film.prediction) is not None}
    counts = overview.verdict_counts(films)
    named = ((kinds.get(verdict, "error"), verdict, count) for verdict, count in counts.items())
    items = "".join(
        f'<li class="{kind}">{_icon(kind)}{shown(f"{count:,}")} {escape(verdict)}</li>'
        for kind, verdict, count in named
    )
    return f'<ul class="counts">{items}</ul>'


def _kind(p: Prediction) -> str:
    """The class of the verdict in the style sheet."""
    return _KINDS.get(p.label, "positive")


def row(outcome: Outcome) -> str:
    """One film as an HTML article; the outcome must hold its film (``keep_films``)."""
    text = f"<h2>{escape(outcome.source)}</h2>{judgement(outcome)}"
    p = outcome.prediction
    if p is None or outcome.film is None:
        return f'<article><div class="whole">{text}</div></article>'
    film = _film(outcome, outcome.film, p)
    if not wording.is_shown(p):
        return f'<article>{film}<div class="beside">{text}</div></article>'
    return f"<article>{film}{_explained(outcome, p)}<div>{text}</div></article>"


def judgement(outcome: Outcome) -> str:
    """The verdict of one film and its figures as HTML, or why there is none."""
    p = outcome.prediction
    if p is None:
        error = outcome.error
        hint = translated(error.hint) if error else ""
        items = f'<ul class="mind"><li>{escape(hint)}</li></ul>' if error else ""
        verdict = _verdict("error", translated("NOT READ"))
        return f"{verdict}<p>{escape(translated(str(error)))}</p>{items}"
    if not wording.is_shown(p):
        return (
            f"{_outside(p)}{_verdict('refused', shown(p.label), *wording.marks(p))}"
            f'<p class="why">{wording.refused(p)}</p>{_reasons(p)}{_bundle(p)}'
        )
    return _judgement(p)


def _film(outcome: Outcome, film: Radiograph, p: Prediction) -> str:
    grey = np.rint(np.clip(film.pixels, 0, 1) * 255).astype(np.uint8)
    alt = escape(translated(f"{outcome.source}: film"), quote=True)
    size = translated(f"Film, {p.facts.columns} x {p.facts.rows} pixels")
    return (
        f'<figure><img alt="{alt}" src="{picture(grey)}"><figcaption>{size}</figcaption></figure>'
    )


def _outside(p: Prediction) -> str:
    """A banner above all figures: the film is outside the population that the model knows."""
    text = wording.outside(p)
    hint = next((translated(r.hint) for r in p.gate.reasons if r.code == OUTSIDE), "")
    return f'<p class="outside">{escape(text)}<span>{escape(hint)}</span></p>' if text else ""


def _reasons(p: Prediction) -> str:
    """The reasons of the gate, without the one that `_outside` gives."""
    in_banner = OUTSIDE if wording.outside(p) else ""
    items = "".join(
        f"<li>{escape(capitalised(translated(r.sentence)))}<span>{escape(translated(r.hint))}</span></li>"
        for r in p.gate.reasons
        if r.code != in_banner
    )
    return f'<ul class="reasons">{items}</ul>' if items else ""


def _bundle(p: Prediction) -> str:
    parts = [p.bundle, p.bundle_sha256[:12]]
    if p.profile:
        parts.append(translated(f"site profile {p.profile}"))
    if p.population:
        parts.append(translated(f"population: {wording.population(p)}"))
    return f'<p class="quiet">{escape(" · ".join(parts))}</p>'


def _explained(outcome: Outcome, p: Prediction) -> str:
    if p.explanation is None:
        return f"<figure><figcaption>{wording.heatmap_caption(p)}</figcaption></figure>"
    alt = escape(translated(f"{outcome.source}: film with heatmap"), quote=True)
    return (
        f'<figure><img alt="{alt}" src="{picture(heatmap.overlay_of(outcome))}">'
        f"<figcaption>{escape(wording.heatmap_caption(p))}</figcaption></figure>"
    )


def _judgement(p: Prediction) -> str:
    kind = _kind(p)
    named = wording.subject(p)
    mind = "".join(f"<li>{escape(capitalised(translated(text)))}</li>" for text in p.warnings)
    forced = f'<p class="why">{wording.forced(p)}</p>' if p.forced else ""
    sentences = [wording.call(p)]
    if kinds := wording.kinds(p):
        sentences.insert(0, translated(f"Kind: {kinds}."))
    return (
        f'{_outside(p)}<div class="{kind}">{_verdict(kind, shown(p.label), *wording.marks(p))}{forced}'
        f"{_why(p)}"
        f'<p class="p" style="color:var(--text)">P({escape(named)}) {escape(wording.probability(p))}</p>'
        f"{_bar(p)}</div>"
        f"<table>{_shares(p)}</table>"
        + "".join(f'<p class="quiet">{escape(text)}</p>' for text in sentences if text)
        + f'{_reasons(p)}<ul class="mind">{mind}</ul>{_bundle(p)}'
    )


def _bar(p: Prediction) -> str:
    """The probability with a bracket around UNDETERMINED, and marks with figures where the verdict changes."""
    share, ranges = wording.scale(p)
    limits, unclear = (ranges.limits, ranges.unclear) if ranges else ((), None)
    bracket = ""
    if unclear is not None:
        start, end = unclear
        bracket = f'<u style="left:{100 * start:.1f}%;right:{100 * (1 - end):.1f}%"></u>'
    marks = "".join(f'<b style="left:{100 * limit:.1f}%"></b>' for limit in limits)
    texts = [shown(text) for text in threshold_texts(limits)]
    if len(limits) == 2 and limits[1] - limits[0] < _CLOSE:
        limits, texts = (sum(limits) / 2,), [" – ".join(texts)]
    captions = ""
    for limit, text in zip(limits, texts, strict=True):
        # Near the ends of the bar a caption would stick out of the card.
        half = _DIGIT * len(text) / 2
        captions += f'<span style="left:{100 * min(max(limit, half), 1 - half):.1f}%">{text}</span>'
    return (
        f'<div class="bar"><i style="width:{100 * share:.1f}%"></i>{bracket}{marks}</div>'
        f'<div class="scale">{captions}</div>'
    )


def _why(p: Prediction) -> str:
    text = "" if wording.outside(p) else wording.why_undetermined(p)
    return f'<p class="why">{escape(capitalised(text))}.</p>' if text else ""


def _shares(p: Prediction) -> str:
    """Table rows: every class, or every finding with its own threshold."""
    if not p.findings:
        return "".join(
            f"<tr><td>{escape(shown(name))}</td><td>{shown(f'{value:.3f}')}</td></tr>"
            for name, value in p.probabilities.items()
        )
    return "".join(
        f"<tr{' class=positive' if f.present else ''}><td>{escape(shown(f.name))}</td>"
        f"<td>{text}</td></tr>"
        for f, text in zip(p.findings, wording.findings(p), strict=True)
    )


def _verdict(kind: str, text: str, *marks: str) -> str:
    small = "".join(f"<small>{escape(mark)}</small>" for mark in marks)
    return f'<div class="verdict {kind}">{_icon(kind)}{escape(text)}{small}</div>'


def icon_style() -> str:
    """CSS that draws the icons of `judgement`, for pages that remove SVG from HTML, as Streamlit does."""
    images = "".join(
        f'.verdict.{kind}{{--icon:url("data:image/svg+xml,{quote(_svg(paths))}")}}'
        for kind, paths in _ICONS.items()
    )
    mask = "mask:var(--icon) center/contain no-repeat"
    return (
        f"{images}.verdict svg{{display:none}}.verdict:before{{content:'';width:24px;height:24px;"
        f"flex:none;background:currentColor;-webkit-{mask};{mask}}}"
    )


def _svg(paths: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">{paths}</svg>'


def _icon(kind: str) -> str:
    return f'<svg viewBox="0 0 24 24" aria-hidden="true">{_ICONS[kind]}</svg>'


def picture(pixels: NDArray[np.uint8], side_px: int = _SIDE) -> str:
    """A picture as a data URL.

    Args:
        pixels: uint8 (rows, columns) or (rows, columns, 3).
        side_px: Longest side; a larger picture is reduced.
    """
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
