"""Judges what an audit measured: pass, look or stop, each with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import capitalised, counted, full_sentence
from pneumoscope.evidence.audit.findings import LOOK, NOTHING, PASS, STOP, UNKNOWN, Finding
from pneumoscope.evidence.audit.shortcut_findings import (
    encoder_findings,
    file_findings,
    statistics_findings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pneumoscope.evidence.audit.results import Audit
    from pneumoscope.metrics import Interval

FEW_FILMS = 100
"""Number of films below which intervals are so wide that a pass means little."""
MANY_BROKEN = 0.05
MANY_DOUBTS = 0.01
CLEAR_SHIFT = 0.05
"""Difference of a label's share between splits below which no action is needed."""
WIDE_SHIFT = 0.1
"""Difference that an interval must exclude before "no clear difference" is meaningful."""


def findings(audit: Audit) -> tuple[Finding, ...]:
    """The judgement on every check."""
    checks: tuple[Callable[[Audit], Iterator[Finding]], ...] = (
        _films, _labels, _copies, _patients, _prior, encoder_findings, file_findings, statistics_findings, _doubts,
    )  # fmt: skip
    return tuple(finding for check in checks for finding in check(audit))


def _films(audit: Audit) -> Iterator[Finding]:
    total, broken = len(audit.listing.entries), len(audit.broken)
    if broken:
        many = broken > MANY_BROKEN * total
        yield Finding(
            "readable films",
            STOP if many else LOOK,
            f"{broken:,} of {total:,} films cannot be read ({audit.broken[0].message}"
            f"{', ...' if broken > 1 else ''}). They are not included in the other checks.",
            "Copy or export them again, or remove them.",
        )
    else:
        yield Finding("readable films", PASS, f"All {total:,} films can be read.")
    if total < FEW_FILMS:
        yield Finding(
            "number of films",
            LOOK,
            f"{counted(total, 'film')} {'is' if total == 1 else 'are'} few: all intervals are wide, and a pass means little.",
        )


def _labels(audit: Audit) -> Iterator[Finding]:
    for limit in audit.limits:
        yield Finding("labels", UNKNOWN, full_sentence(limit))
    missing = sum(1.0 not in e.values for e in audit.listing.entries)
    if missing and not audit.listing.findings and audit.listing.names:
        yield Finding(
            "labels",
            LOOK,
            f"{counted(missing, 'film')} without a label.",
            "Training leaves them out.",
        )


def _copies(audit: Audit) -> Iterator[Finding]:
    pictures = audit.pictures
    if not pictures:
        yield Finding(
            "copies",
            PASS,
            "No film occurs in the set twice, neither exactly nor saved again or turned.",
        )
        return
    exact = sum(p.exact for p in pictures)
    near = len(pictures) - exact
    turned = sum(bool(p.turn) for p in pictures)
    what = f"{counted(exact, 'group')} of films with the same pixels, {counted(near, 'pair')} of films that show the same picture"
    if turned:
        what += f" ({turned:,} of them mirrored or turned)"
    across = {
        kind: sum(kind in p.across for p in pictures) for kind in ("split", "class", "patient")
    }
    reasons = []
    if across["split"]:
        reasons.append(f"{across['split']:,} lie across splits: memorised films count as correct")
    if across["class"]:
        reasons.append(
            f"{across['class']:,} have different labels, so one of the labels must be wrong"
        )
    if across["patient"]:
        reasons.append(
            f"{across['patient']:,} have different patient keys, so a split by patient can still leak"
        )
    advice = "Keep one film of each. The page shows them."
    level = STOP if across["split"] or across["class"] else LOOK
    end = "; ".join(reasons) if reasons else "none lies across splits, classes or patients"
    yield Finding("copies", level, f"{what}. {capitalised(end)}.", advice)


def _patients(audit: Audit) -> Iterator[Finding]:
    bare = sum(not entry.keyed for entry in audit.listing.entries)
    total = len(audit.listing.entries)
    has_splits = len({entry.split for entry in audit.listing.entries}) > 1
    if bare:
        where = (
            "it is not known whether a patient is in two splits"
            if has_splits
            else "a split may put the same patient on both sides"
        )
        yield Finding(
            "patients",
            UNKNOWN,
            f"{bare:,} of {total:,} films have no patient key: {where}, and intervals count each of these "
            "films as a patient, so they may be too narrow.",
            "Write a manifest with a column named patient.",
        )
    if not has_splits:
        yield Finding("patients", NOTHING, "The films have no splits, so no patient can be in two.")
        return
    for i, grouping in enumerate(audit.groupings):
        both = len(grouping.in_two_splits)
        named = ", ".join(grouping.in_two_splits[:3]) + (" ..." if both > 3 else "")
        if both:
            yield Finding(
                "patients",
                LOOK if i else STOP,
                f"{both:,} of {grouping.patients:,} patients ({grouping.name}) are in two splits, with "
                f"{counted(grouping.films_in_two_splits, 'film')}: {named}.",
                "pneumoscope treats these keys as several patients. If your source says otherwise, stop."
                if i
                else "Give each patient's films one split.",
            )
        else:
            yield Finding(
                "patients",
                PASS,
                f"None of {grouping.patients:,} patients ({grouping.name}) is in two splits.",
            )


def _prior(audit: Audit) -> Iterator[Finding]:
    for shift in audit.shifts:
        first, second = shift.splits
        shares = (
            f"{shift.contrast.split(' against ')[0]} is {shift.shares[0]:.1%} of {first} "
            f"({counted(shift.films[0], 'film')}) and {shift.shares[1]:.1%} of {second} ({counted(shift.films[1], 'film')}): "
            f"difference {_points(shift.difference)}"
        )
        if shift.clear and abs(shift.difference.value) >= CLEAR_SHIFT:
            yield Finding(
                "prior shift",
                LOOK,
                f"{shares}.",
                "Probabilities and thresholds of one split do not suit the other. Give PPV and NPV for "
                "a stated prevalence.",
            )
        elif not shift.clear and max(-shift.difference.low, shift.difference.high) > WIDE_SHIFT:
            yield Finding(
                "prior shift",
                UNKNOWN,
                f"{shares}: too few films to tell whether they differ.",
                "Add films to the small split; its figures change with every film.",
            )
        else:
            end = "small" if shift.clear else "these films show no clear difference"
            yield Finding("prior shift", PASS, f"{shares}; {end}.")
    if not audit.shifts and audit.shortcuts:
        yield Finding(
            "prior shift", NOTHING, "Labelled films are in one split only, so nothing can shift."
        )


def _doubts(audit: Audit) -> Iterator[Finding]:
    doubts = audit.doubts
    if doubts.silence:
        yield Finding("label errors", UNKNOWN, full_sentence(doubts.silence))
        return
    confident, total = doubts.confident, len(doubts.candidates)
    seen = (
        " The bundle was trained on films of this source and may know their labels, so errors that it has "
        "memorised are not listed."
        if doubts.seen
        else ""
    )
    yield Finding(
        "label errors",
        LOOK if confident > MANY_DOUBTS * doubts.films else PASS,
        f"{confident:,} of {doubts.films:,} films clearly look like another class than their own "
        f"({', '.join(doubts.classes)}), {total - confident:,} more tend to do so. These are candidates, not errors.{seen}",
        "Have an expert read the ranked films." if doubts.candidates else "",
    )


def _points(difference: Interval) -> str:
    return f"{100 * difference.value:+.1f} points [{100 * difference.low:+.1f}, {100 * difference.high:+.1f}]"
