"""The sections of the audit page on films, copies, patients and labels."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.sentences import counted, full_sentence
from pneumoscope.evidence.audit.contents import counts, sizes
from pneumoscope.evidence.audit.file_shortcuts import WORDS
from pneumoscope.evidence.audit.near_duplicates import TURNS
from pneumoscope.evidence.audit.shortcuts import number_text
from pneumoscope.evidence.report.audit.elements import film_picture, remainder, table

if TYPE_CHECKING:
    from pneumoscope.evidence.audit.results import Audit

_COPIES, _DOUBTS = 24, 32  # pictures on the page; JSON and CSV list all


def contents(result: Audit) -> str:
    """Films by split and class, properties of the files, and films that cannot be read."""
    tally = counts(result.listing)
    names = list(next(iter(tally.values())))
    columns = ["films", *(name or "without label" for name in names)]
    films = {
        split: sum((e.split or "films") == split for e in result.listing.entries) for split in tally
    }
    body = [
        [split, f"{films[split]:,}", *(f"{split_counts[name]:,}" for name in names)]
        for split, split_counts in tally.items()
    ]
    parts = [table(["split", *columns], body)]
    if file_sizes := sizes(result.reading):
        parts.append("<h3>Files</h3>")
        parts.append(
            table(
                ["", "minimum", "median", "maximum"],
                [[name, *(number_text(v) for v in values)] for name, values in file_sizes.items()],
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
        parts.append(table(["", "values (number of films)"], kinds, words=True))
    if result.broken:
        parts.append("<h3>Films that cannot be read</h3>")
        shown = [[film.path, film.code, film.hint] for film in result.broken[:20]]
        parts.append(table(["film", "error", "what to do"], shown, words=True))
        parts.append(remainder(len(result.broken), len(shown)))
    return "".join(parts)


def copies(result: Audit) -> str:
    """Films that show the same picture, those across splits or classes first."""
    if not result.copies:
        return "<p>None found.</p>"
    order = sorted(range(len(result.copies)), key=lambda i: -len(result.pictures[i].across))
    figures = []
    for i in order[:_COPIES]:
        copy, picture = result.copies[i], result.pictures[i]
        films = "".join(film_picture(result, row) for row in copy.films[:2])
        kind = "same pixels" if copy.exact else f"same picture, similarity {copy.likeness:.2f}"
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
    return f'<div class="grid pairs">{"".join(figures)}</div>{remainder(len(order), len(figures))}'


def splits(result: Audit) -> str:
    """Patients in several splits or classes, and class shares by split."""
    if not result.groupings:
        parts = ["<p>No film has a patient key.</p>"]
    else:
        rows = [
            [
                g.name, f"{g.patients:,}", f"{g.films:,}",
                f"{len(g.in_two_splits):,} ({counted(g.films_in_two_splits, 'film')})", f"{len(g.in_two_classes):,}",
            ]
            for g in result.groupings
        ]  # fmt: skip
        parts = [
            table(["keys", "patients", "films", "patients in two splits", "patients with two classes"], rows)
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
        positive = result.shifts[0].contrast.split(" against ")[0]
        parts.append(
            table(
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


def doubts(result: Audit) -> str:
    """Films whose labels may be wrong, the most doubtful first."""
    doubts = result.doubts
    if doubts.silence:
        return f"<p>Can't say: {escape(doubts.silence)}.</p>"
    if not doubts.candidates:
        return "<p>No film looks more like another class than like its own.</p>"
    figures: list[str] = []
    for rank, doubt in enumerate(doubts.candidates[:_DOUBTS], 1):
        entry = result.listing.entries[int(result.reading.rows[doubt.film])]
        sure = "" if doubt.confident else " (leans)"
        figures.append(
            f"<figure>{film_picture(result, doubt.film)}<figcaption>{rank}. labelled {escape(doubt.label)}, looks like "
            f"{escape(doubt.other)} {doubt.p_other:.2f}{sure}<br>{escape(entry.name)}</figcaption></figure>"
        )
    return (
        '<p class="soft">Ranked; an out-of-fold classifier on the embeddings of '
        f"{escape(result.bundle)} disagrees with the label. The label may be right: a reader decides.</p>"
        f'<div class="grid">{"".join(figures)}</div>{remainder(len(doubts.candidates), len(figures))}'
    )


def method(result: Audit) -> str:
    """How everything was measured, its limitations, and the warnings of the layout."""
    points = [
        "Every film was decoded once at its full size. Films with the same pixels are exact copies (SHA-256). "
        "All pairs of thumbnails (32 x 32, minus their local mean) were compared, also mirrored and rotated by "
        f"90, 180 and 270 degrees ({len(TURNS)} ways). Similar pairs were compared again at 64 x 64 pixels.",
        "Copies that were cropped, rotated by a few degrees or overwritten are not found.",
        "A single number is scored by its AUC, in whichever direction is higher. Words and fitted models are scored "
        "out of fold (5 folds). Films of one patient, and copies, share a fold. Intervals come from draws of patients "
        "(percentile bootstrap); where a score makes no mistake, the exact interval of Clopper and Pearson is given.",
        "The AUC of image statistics or of a thumbnail is not entirely a shortcut: dense lungs are brighter. Only films "
        "from other hospitals show what a network makes of it.",
        "Label candidates come from confident learning on the bundle's embeddings. If all films of a kind are "
        "mislabelled, none of them is listed.",
        "Not checked: burnt-in text, devices and drains, the lung field, age and sex, who labelled the films and how.",
    ]
    points += [full_sentence(w) for w in result.warnings]
    return "<ul>" + "".join(f"<li>{escape(point)}</li>" for point in points) + "</ul>"
