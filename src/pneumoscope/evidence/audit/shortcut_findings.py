"""Judges the shortcut scores of an audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import capitalised
from pneumoscope.evidence.audit.file_shortcuts import NUMBERS, WORDS
from pneumoscope.evidence.audit.findings import LOOK, PASS, STOP, UNKNOWN, Finding
from pneumoscope.evidence.audit.shortcuts import FILE, PICTURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pneumoscope.evidence.audit.results import Audit
    from pneumoscope.evidence.audit.shortcuts import Score, Shortcuts

GIVEN_AWAY = 0.8
"""AUC of the file alone above which the verdict is stop, by the lower end of its interval. Four fifths of
all pairs of films are then ranked correctly by how they were saved, whatever they show."""


def encoder_findings(audit: Audit) -> Iterator[Finding]:
    """Header entries that predict the label, each by name."""
    for shortcuts in audit.shortcuts:
        notable = [
            s for s in shortcuts.scores if s.feature in WORDS and s.source == FILE and s.notable
        ]
        for i, score in enumerate(sorted(notable, key=lambda s: -s.auc.low)):
            yield Finding(
                f"how films were saved ({shortcuts.contrast})",
                STOP if score.auc.low > GIVEN_AWAY else LOOK,
                f"{capitalised(score.feature)}: {score.words}. AUC {score.auc}.",
                ""
                if i
                else "Decode all films and save them in the same way. Traces in the pixels remain, so check "
                "the image statistics afterwards.",
            )


def file_findings(audit: Audit) -> Iterator[Finding]:
    yield from _source(
        audit, FILE, "file alone", "no pixel was looked at", lambda s: STOP if s.auc.low > GIVEN_AWAY else LOOK
    )  # fmt: skip


def statistics_findings(audit: Audit) -> Iterator[Finding]:
    yield from _source(
        audit,
        PICTURE,
        "image statistics",
        "nine numbers per film, without anatomy except for the overall brightness",
        lambda _score: LOOK,
    )


def _source(
    audit: Audit, source: str, title: str, what: str, level: Callable[[Score], str]
) -> Iterator[Finding]:
    for shortcuts in audit.shortcuts:
        check = f"{title} ({shortcuts.contrast})"
        best = shortcuts.best(source)
        if shortcuts.silence:
            yield Finding(check, UNKNOWN, f"{shortcuts.silence}.")
        elif best is None:
            yield Finding(check, PASS, "Equal on all films, so without information.")
        elif best.notable:
            single = [s for s in shortcuts.scores if s.source == source and s.notable and s != best]
            single.sort(key=lambda s: -s.auc.low)
            others = "; ".join(f"{s.feature} {s.auc}" for s in single[:3])
            yield Finding(
                check,
                level(best),
                f"Best: {best.feature}, AUC {best.auc} ({what})."
                + (f" Next: {others}." if others else "")
                + _strongest_number(shortcuts, source)
                + _length_alone(shortcuts, source),
                "A network can learn this instead of lungs. Report its AUC beside that of the network, augment against it, and "
                "test on films from other hospitals.",
            )
        else:
            yield Finding(
                check, PASS, f"Best: {best.feature}, AUC {best.auc}: not clearly above 0.6."
            )


def _strongest_number(shortcuts: Shortcuts, source: str) -> str:
    """The medians of the strongest single number in the two groups."""
    numbers = [
        s for s in shortcuts.scores if s.source == source and s.notable and s.words.startswith("median")
    ]  # fmt: skip
    top = max(numbers, key=lambda s: s.auc.low, default=None)
    return f" {capitalised(top.feature)}: {top.words}." if top else ""


def _length_alone(shortcuts: Shortcuts, source: str) -> str:
    """A remark if only the number of bytes predicts the label, and no header entry does."""
    notable = [s for s in shortcuts.scores if s.source == source and s.notable]
    if (
        source != FILE
        or not notable
        or any("byte" not in s.feature and s.feature in NUMBERS + WORDS for s in notable)
    ):
        return ""
    return (
        " No header entry predicts the label, only the length of the file does: among films of the same size and "
        "format it measures sharpness and noise, so saving them again changes nothing."
    )
