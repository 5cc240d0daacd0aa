"""An audit as one self-contained HTML page that prints well."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import __version__
from pneumoscope.data.film_statistics import STATISTICS
from pneumoscope.errors import ImageError
from pneumoscope.evidence.audit import films as audit_films
from pneumoscope.evidence.audit import verdict as audit_verdict
from pneumoscope.evidence.audit.audit import counts, sizes
from pneumoscope.evidence.audit.file_shortcuts import NUMBERS, WORDS
from pneumoscope.evidence.audit.near_duplicates import TURNS
from pneumoscope.evidence.audit.shortcuts import ALL, FILE, PICTURE, THUMBNAIL, number_text
from pneumoscope.evidence.report.audit_charts import axis, histogram, interval_bar
from pneumoscope.render import sheet
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.audit.audit import Audit
    from pneumoscope.evidence.audit.shortcuts import Score, Shortcuts

_COPIES, _DOUBTS = 24, 32  # pictures on the page; JSON and CSV have all
_SIDE = 224

_STYLE = """
main{max-width:1040px}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;margin:0 0 24px;padding:20px 24px}
section>h2{font-size:19px;font-weight:600;color:var(--text);margin:0 0 10px}
h3{font-size:15px;font-weight:600;margin:22px 0 6px}
p{margin:0 0 10px}.soft{color:var(--soft);font-size:14px}
.subtitle{color:var(--soft);margin:0 0 20px;overflow-wrap:anywhere}
.stamp{display:flex;gap:20px;align-items:center;border-left:8px solid currentColor}
.stamp b{font-size:40px;line-height:1.1;letter-spacing:.02em}
.stamp p{color:var(--text);margin:0;font-size:15px}
.pass{color:var(--green)}.look{color:var(--amber)}.stop{color:var(--red)}.unknown{color:var(--amber)}
.none{color:var(--soft)}
.findings{margin:0;padding:0;list-style:none}
.findings li{display:grid;grid-template-columns:96px 1fr;gap:14px;padding:12px 0;border-top:1px solid var(--line);
break-inside:avoid}
.findings li:first-child{border-top:0}
.tag{font-weight:700;font-size:13px;letter-spacing:.04em;text-transform:uppercase;padding-top:2px}
.findings b{display:block}.findings p{margin:2px 0 0;font-size:15px}.findings .advice{color:var(--soft);font-size:14px}
td,th{padding:5px 10px 5px 0;border-top:1px solid var(--line);text-align:left;vertical-align:top}
th{border-top:0;font-size:13px;font-weight:500;color:var(--soft)}
td+td{text-align:left}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.words{font-size:13px;color:var(--soft);overflow-wrap:anywhere}
tr.quiet td{color:var(--soft)}
td svg,th svg{display:block}
.scores{table-layout:fixed}.scores th:nth-child(1){width:25%}.scores th:nth-child(2){width:19%}
.scores th:nth-child(3){width:200px}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:16px;margin-top:14px}
.grid figure,.pair{break-inside:avoid}
.grid.pairs{grid-template-columns:repeat(auto-fill,minmax(225px,1fr))}
.pair>div{display:grid;grid-template-columns:1fr 1fr;gap:4px}.pair .mark{color:var(--red);font-weight:600}
figcaption{overflow-wrap:anywhere}.pair figcaption{font-size:12px}
.charts{display:flex;flex-wrap:wrap;gap:24px;margin-top:8px}
.charts figure{max-width:300px}
.a{fill:var(--red);stroke:var(--red)}.b{fill:var(--green);stroke:var(--green)}
.key{font-size:13px;color:var(--soft)}.key i{display:inline-block;width:10px;height:10px;border-radius:2px;margin:0 5px 0 12px}
tr{break-inside:avoid}
@media print{.scores svg{width:110px}.scores th:nth-child(1){width:18%}.scores th:nth-child(2){width:21%}
.scores th:nth-child(3){width:120px}td.words{font-size:11px}
main{max-width:none;padding:0}section{padding:12px 14px}body{font-size:13px}
.a,.b,.stamp{print-color-adjust:exact}}
"""

_LEVELS = {
    audit_verdict.PASS: ("pass", "pass"),
    audit_verdict.LOOK: ("look", "look"),
    audit_verdict.STOP: ("stop", "stop"),
    audit_verdict.UNKNOWN: ("unknown", "can't say"),
    audit_verdict.NOTHING: ("none", "n/a"),
}
_MEANING = {
    audit_verdict.PASS: "Nothing here speaks against training on these films.",
    audit_verdict.LOOK: "Read what is marked before you train, and say it beside your results.",
    audit_verdict.STOP: "What is marked would make results look better than they are. Deal with it before you "
    "train.",
}


def html(result: Audit) -> str:
    """The page; its pictures are films, so it is as confidential as they are."""
    made = time.strftime("%Y-%m-%d", time.gmtime())
    sections = [
        f'<p class="subtitle">{escape(result.listing.source)} · {len(result.listing.entries):,} films · '
        f"pneumoscope {__version__} · {made}</p>",
        _stamp(result),
        _section("Check by check", _findings(result)),
        _section("What is there", _contents(result)),
        _section("Copies", _copies(result)),
        _section("Patients and splits", _splits(result)),
        *(_section(f"Shortcuts: {s.contrast}", _shortcuts(result, s)) for s in result.shortcuts),
        _section("Labels to look at again", _doubts(result)),
        _section("How this was measured, and what was not", _method(result)),
    ]
    footer = f"The pictures on this page are films: treat it as you treat them. {NOTICE}"
    return sheet.page(
        sections, f"Data audit: {result.verdict}", style=_STYLE, footer=footer
    ).replace('<p class="notice">' + NOTICE + "</p>", "", 1)


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _stamp(result: Audit) -> str:
    verdict = result.verdict
    levels = [finding.level for finding in result.findings]
    told = ", ".join(
        f"{levels.count(level)} {word}" for level, (_, word) in _LEVELS.items() if level in levels
    )
    return (
        f'<section class="stamp {verdict}"><b>{verdict.upper()}</b>'
        f'<p>{_MEANING[verdict]}<br><span class="soft">Checks: {told}.</span></p></section>'
    )


def _findings(result: Audit) -> str:
    order = list(_LEVELS)
    order = [order[2], order[1], order[3], order[0], order[4]]
    rows = []
    for finding in sorted(result.findings, key=lambda f: order.index(f.level)):
        style, word = _LEVELS[finding.level]
        advice = f'<p class="advice">{escape(finding.advice)}</p>' if finding.advice else ""
        rows.append(
            f'<li><span class="tag {style}">{word}</span><div><b>{escape(_title(finding.check))}</b>'
            f"<p>{escape(finding.reason)}</p>{advice}</div></li>"
        )
    return f'<ul class="findings">{"".join(rows)}</ul>'


def _contents(result: Audit) -> str:
    tally = counts(result.listing)
    names = list(next(iter(tally.values())))
    columns = ["films", *(name or "without label" for name in names)]
    films = {
        split: sum((e.split or "films") == split for e in result.listing.entries) for split in tally
    }
    body = [
        [split, f"{films[split]:,}", *(f"{own[name]:,}" for name in names)]
        for split, own in tally.items()
    ]
    parts = [_table(["split", *columns], body)]
    if found := sizes(result.reading):
        parts.append("<h3>Files</h3>")
        parts.append(
            _table(
                ["", "least", "median", "most"],
                [[name, *(number_text(v) for v in values)] for name, values in found.items()],
            )
        )
        kinds = []
        for i, name in enumerate(WORDS):
            words, numbers = np.unique(
                [f.words[i] for f in result.reading.files], return_counts=True
            )
            top = np.argsort(-numbers, kind="stable")[:6]
            listed = ", ".join(f"{words[k]} ({numbers[k]:,})" for k in top)
            more = f", and {len(words) - 6:,} more" if len(words) > 6 else ""
            kinds.append([name, listed + more])
        parts.append(_table(["", "films that have it"], kinds, words=True))
    if result.broken:
        parts.append("<h3>Films that cannot be read</h3>")
        shown = [[film.path, film.code, film.hint] for film in result.broken[:20]]
        parts.append(_table(["film", "error", "what to do"], shown, words=True))
        parts.append(_rest(len(result.broken), len(shown)))
    return "".join(parts)


def _copies(result: Audit) -> str:
    if not result.copies:
        return "<p>None found.</p>"
    order = sorted(range(len(result.copies)), key=lambda i: -len(result.pictures[i].across))
    figures = []
    for i in order[:_COPIES]:
        copy, picture = result.copies[i], result.pictures[i]
        films = "".join(_film(result, row) for row in copy.films[:2])
        kind = "same pixels" if copy.exact else f"same picture, likeness {copy.likeness:.2f}"
        turn = f", {copy.turn}" if copy.turn else ""
        more = f" (and {len(copy.films) - 2} more)" if len(copy.films) > 2 else ""
        across = " and ".join(
            {"split": "splits", "class": "classes", "patient": "patients"}[a]
            for a in picture.across
        )
        mark = f' <span class="mark">across {across}</span>' if across else ""
        names = " = ".join(escape(path) for path in picture.paths[:2])
        figures.append(
            f'<figure class="pair"><div>{films}</div><figcaption>{kind}{turn}{mark}<br>{names}{more}'
            f"</figcaption></figure>"
        )
    return f'<div class="grid pairs">{"".join(figures)}</div>{_rest(len(order), len(figures))}'


def _splits(result: Audit) -> str:
    if not result.groupings:
        parts = ["<p>No film has a patient key.</p>"]
    else:
        rows = [
            [
                g.name, f"{g.patients:,}", f"{g.films:,}",
                f"{len(g.in_two_splits):,} ({g.films_in_two_splits:,} films)", f"{len(g.in_two_classes):,}",
            ]
            for g in result.groupings
        ]  # fmt: skip
        parts = [
            _table(["keys", "patients", "films", "patients in two splits", "with films of two classes"], rows)
        ]  # fmt: skip
        if len(result.groupings) > 1:
            parts.append(
                '<p class="soft">Kermany names: by default person12_bacteria and person12_virus, or IM-0012 and '
                "NORMAL2-IM-0012, are two children; without sub-type and prefix they are one.</p>"
            )
    if result.shifts:
        parts.append("<h3>Prior shift</h3>")
        rows = [
            [
                f"{s.splits[0]} against {s.splits[1]}",
                f"{s.shares[0]:.1%} of {s.films[0]:,}",
                f"{s.shares[1]:.1%} of {s.films[1]:,}",
                f"{100 * s.difference.value:+.1f} [{100 * s.difference.low:+.1f}, {100 * s.difference.high:+.1f}]",
                f"{s.p:.2g}",
            ]
            for s in result.shifts
        ]
        positive = escape(result.shifts[0].contrast.split(" against ")[0])
        parts.append(
            _table(
                [
                    "",
                    f"{positive} in the first",
                    "in the second",
                    "difference in points",
                    "Fisher's p",
                ],
                rows,
            )
        )
    return "".join(parts)


def _shortcuts(result: Audit, shortcuts: Shortcuts) -> str:
    if shortcuts.silence:
        return f"<p>Can't say: {escape(shortcuts.silence)}.</p>"
    keyed = any(entry.keyed for entry in result.listing.entries)
    patients = f"{shortcuts.patients:,} patients" if keyed else "unknown patients"
    parts = [
        f'<p class="soft">{shortcuts.films:,} films of {patients}, '
        f"{shortcuts.prevalence:.1%} {escape(shortcuts.positive)}. AUC from 0.5 (tells nothing) to 1 (tells all); "
        "bars are 95 % intervals over patients.</p>"
    ]
    for source in (FILE, PICTURE, THUMBNAIL, ALL):
        own = [s for s in shortcuts.scores if s.source == source]
        parts.append(f"<h3>{escape(_title(source))}</h3>")
        parts.append(f'<p class="soft">{escape(audit_verdict.source_note(source))}</p>')
        parts.append(_scores(own))
        parts.append(_charts(result, shortcuts, own))
    return "".join(parts)


def _scores(scores: Sequence[Score]) -> str:
    rows = []
    for score in sorted((s for s in scores if not s.constant), key=lambda s: -s.auc.value):
        quiet = "" if score.notable else ' class="quiet"'
        rows.append(
            f"<tr{quiet}><td>{escape(score.feature)}</td>"
            f'<td class="n">{score.auc.value:.3f} [{score.auc.low:.3f}, {score.auc.high:.3f}]</td>'
            f'<td>{interval_bar(score.auc)}</td><td class="words">{escape(score.words)}</td></tr>'
        )
    constant = [s for s in scores if s.constant]
    told = (
        f'<p class="soft">The same for all films, so they tell nothing: {escape(", ".join(s.feature for s in constant))}.</p>'
        if constant
        else ""
    )
    if not rows:
        return told
    head = f'<tr><th>known</th><th class="n">AUC</th><th>{axis()}</th><th></th></tr>'
    return f"<table class=scores>{head}{''.join(rows)}</table>{told}"


def _charts(result: Audit, shortcuts: Shortcuts, scores: Sequence[Score]) -> str:
    """Histograms of the three numbers that tell most."""
    told = sorted((s for s in scores if s.notable), key=lambda s: -s.auc.low)
    figures: list[str] = []
    for score in told:
        values = _values(result, score.feature)
        if values is None or len(figures) == 3:
            continue
        truth = result.sides[shortcuts.contrast]
        groups = [values[[i for i, side in truth if side is wanted]] for wanted in (True, False)]
        figures.append(
            f"<figure>{histogram(*groups)}<figcaption>{escape(score.feature)}</figcaption></figure>"
        )
    if not figures:
        return ""
    key = f'<p class="key"><i style="background:var(--red)"></i>{escape(shortcuts.positive)}<i style="background:var(--green)"></i>{escape(shortcuts.negative)}</p>'
    return f'<div class="charts">{"".join(figures)}</div>{key}'


def _values(result: Audit, feature: str) -> NDArray[np.float64] | None:
    if feature in NUMBERS:
        return np.array([f.numbers[NUMBERS.index(feature)] for f in result.reading.files])
    if feature in STATISTICS:
        return result.reading.statistics[:, STATISTICS.index(feature)]
    return None


def _doubts(result: Audit) -> str:
    doubts = result.doubts
    if doubts.silence:
        return f"<p>Can't say: {escape(doubts.silence)}.</p>"
    if not doubts.found:
        return "<p>No film looks more like another class than like its own.</p>"
    figures: list[str] = []
    for rank, doubt in enumerate(doubts.found[:_DOUBTS], 1):
        entry = result.listing.entries[int(result.reading.rows[doubt.film])]
        sure = "" if doubt.confident else " (leans)"
        figures.append(
            f"<figure>{_film(result, doubt.film)}<figcaption>{rank}. called {escape(doubt.label)}, looks like "
            f"{escape(doubt.other)} {doubt.p_other:.2f}{sure}<br>{escape(entry.name)}</figcaption></figure>"
        )
    return (
        '<p class="soft">Ranked; an out-of-fold classifier on the embeddings of '
        f"{escape(result.bundle)} disagrees with the label. The label may be right: a reader decides.</p>"
        f'<div class="grid">{"".join(figures)}</div>{_rest(len(doubts.found), len(figures))}'
    )


def _method(result: Audit) -> str:
    points = [
        "Every film was decoded once at its full size. Films with the same pixels are exact copies (SHA-256). "
        "All pairs of thumbnails (32 x 32, less their surroundings) were compared, also mirrored and turned by "
        f"90, 180 and 270 degrees ({len(TURNS)} ways); pairs that are alike were looked at again at 64 x 64 pixels.",
        "Copies that were cut, turned by a few degrees or written over are not found.",
        "A number alone is scored by its AUC as it is, either way round; words and everything fitted are scored "
        "out of fold (5 folds). Films of one patient, and copies, share a fold. Intervals draw patients (percentile "
        "bootstrap); where a score makes no mistake the interval has no width, which on few films is no certainty.",
        "An AUC of image statistics or of a thumbnail is not all shortcut: dense lungs are brighter. What a network "
        "does with it, only films from elsewhere tell.",
        "Label candidates come from confident learning on the bundle's embeddings. Where all films of a kind are "
        "mislabelled, none shows.",
        "Not looked at: text burnt into films, devices and drains, the lung field, age and sex, who labelled and how.",
    ]
    points += [f"{w[0].upper()}{w[1:]}." for w in result.warnings]
    return "<ul>" + "".join(f"<li>{escape(point)}</li>" for point in points) + "</ul>"


def _film(result: Audit, row: int) -> str:
    entry = result.listing.entries[int(result.reading.rows[row])]
    try:
        pixels = audit_films.film_of(entry.path)
    except ImageError:  # it was there when the audit read it
        return '<p class="soft">gone</p>'
    name = escape(entry.name, quote=True)
    return f'<img alt="{name}" src="{sheet.picture(pixels, _SIDE)}">'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: bool = False) -> str:
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


def _rest(count: int, shown: int) -> str:
    left = count - shown
    return f'<p class="soft">And {left:,} more: audit.json has all.</p>' if left > 0 else ""


def _title(text: str) -> str:
    return text[0].upper() + text[1:]
