"""What holds for several films at once: how many got each verdict, and what read them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import capitalised, shown, translated
from pneumoscope.records import NORMAL, REFUSED, UNDETERMINED
from pneumoscope.render import wording

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumoscope.records import Outcome

NOT_READ = "not read"
_ORDER = {NORMAL: 0, UNDETERMINED: 2, REFUSED: 3}
"""Order of the verdicts; positive ones are between the first two."""


def verdict_counts(films: Sequence[Outcome]) -> dict[str, int]:
    """Verdict in words, or `NOT_READ`, to the number of films; normal ones first."""
    verdicts = Counter(
        (1 if p.forced else _ORDER.get(p.label, 1), wording.verdict(p))
        for film in films
        if (p := film.prediction) is not None
    )
    unread = sum(film.prediction is None for film in films)
    return {verdict: count for (_, verdict), count in sorted(verdicts.items())} | (
        {translated(NOT_READ): unread} if unread else {}
    )


def summary(films: Sequence[Outcome]) -> str:
    """How many films got each verdict: ``"12 NORMAL, 3 PNEUMONIA, 1 REFUSED, 1 not read"``."""
    counts = verdict_counts(films)
    texts = [f"{shown(f'{n:,}')} {verdict}" for verdict, n in counts.items()]
    return ", ".join(texts) or translated("no film was read")


def facts(
    films: Sequence[Outcome], created: str, populations: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Names and values that a page of films shows at its top: its date, and what read the films.

    Args:
        films: The films.
        created: When the films were read.
        populations: SHA-256 of a bundle to the population that it is for, in words.
    """
    last = {p.bundle_sha256: p for film in films if (p := film.prediction) is not None}
    lines = [(translated("Date"), created)]
    for sha256, p in last.items():
        lines.append((translated("Model"), f"{p.bundle} ({sha256[:12]}); {wording.ranges(p)}"))
        if text := populations.get(sha256):
            lines.append((translated("Made for"), f"{capitalised(translated(text))}."))
    profiles = dict.fromkeys(p.profile for p in last.values() if p.profile)
    lines += [(translated("Site profile"), profile) for profile in profiles]
    prevalences = dict.fromkeys(p.prevalence for p in last.values() if p.prevalence is not None)
    lines += [(translated("Prevalence"), wording.percent(prevalence)) for prevalence in prevalences]
    return lines
