"""An audit as one self-contained HTML page that prints well."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING

from pneumoscope import __version__
from pneumoscope.decision.sentences import capitalised, counted
from pneumoscope.evidence.audit import findings
from pneumoscope.evidence.report.audit.page_style import STYLE
from pneumoscope.evidence.report.audit.sections import contents, copies, doubts, method, splits
from pneumoscope.evidence.report.audit.shortcuts import shortcuts_section
from pneumoscope.evidence.report.words import sentence
from pneumoscope.render.page_frame import framed
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from pneumoscope.evidence.audit.results import Audit

_LEVELS = {
    findings.PASS: ("pass", "pass"),
    findings.LOOK: ("look", "look"),
    findings.STOP: ("stop", "stop"),
    findings.UNKNOWN: ("unknown", "unknown"),
    findings.NOTHING: ("none", "n/a"),
}
_MEANING = {
    findings.PASS: "Nothing here is a reason not to train on these films.",
    findings.LOOK: "Read the marked checks before you train, and report them with your results.",
    findings.STOP: "The marked checks would make results look better than they are. Resolve them before you "
    "train.",
}


def html(result: Audit) -> str:
    """The page. Its pictures are films, so it is as confidential as they are."""
    created = time.strftime("%Y-%m-%d", time.gmtime())
    sections = [
        _section("Check by check", _findings(result)),
        _section("Contents of the data set", contents(result)),
        _section("Copies", copies(result)),
        _section("Patients and splits", splits(result)),
        *(
            _section(f"Shortcuts: {s.contrast}", shortcuts_section(result, s))
            for s in result.shortcuts
        ),
        _section("Labels to review", doubts(result)),
        _section("How this was measured, and what was not", method(result)),
    ]
    footer = f"The pictures on this page are films: protect it as you protect them. {NOTICE}"
    return framed(
        sections,
        f"Data audit: {result.verdict}",
        lead=_stamp(result),
        facts=(
            ("Films", f"{counted(len(result.listing.entries), 'film')}, {result.listing.source}"),
            ("Date", created),
            ("Model", f"{result.bundle}, for the embeddings and the labels to review"),
            *([("Made for", sentence(result.population))] if result.population else []),
            ("pneumoscope", __version__),
        ),
        style=STYLE,
        footer=footer,
        notice=False,
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _stamp(result: Audit) -> str:
    verdict = result.verdict
    levels = [finding.level for finding in result.findings]
    counts = ", ".join(
        f"{levels.count(level)} {word}" for level, (_, word) in _LEVELS.items() if level in levels
    )
    return (
        f'<section class="stamp {verdict}"><b>{verdict.upper()}</b>'
        f'<p>{_MEANING[verdict]}<br><span class="soft">Checks: {counts}.</span></p></section>'
    )


def _findings(result: Audit) -> str:
    rows = []
    for finding in sorted(result.findings, key=lambda f: findings.LEVELS.index(f.level)):
        style, word = _LEVELS[finding.level]
        advice = f'<p class="advice">{escape(finding.advice)}</p>' if finding.advice else ""
        rows.append(
            f'<li><span class="tag {style}">{word}</span><div><b>{escape(capitalised(finding.check))}</b>'
            f"<p>{escape(finding.reason)}</p>{advice}</div></li>"
        )
    return f'<ul class="findings">{"".join(rows)}</ul>'
