"""What all shards of a batch say together, counted shard by shard in constant memory."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.batch.columns import ERROR_CODE, PATH, SHA256
from pneumoscope.decision.gate import REFUSE
from pneumoscope.render.written import Written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.batch.shards import Shards

BINS = 20
"""Of the histogram of P(positive)."""
SAMPLE_FILMS = 2000
"""Films of each bundle that are kept for the test of drift: more would hardly change its result."""
_COLUMNS = (PATH, SHA256, "label", "p_unadjusted", "gate", "reasons", "gate_scores", "bundle",
    "bundle_sha256", "profile", ERROR_CODE)  # fmt: skip


@dataclass(slots=True)
class BundleCounts:
    """The films that one bundle judged.

    Attributes:
        title: Name and version of the bundle.
        sha256: Its SHA-256.
        films: Number of films, refused ones included.
        labels: Verdict to number of films.
        histogram: Number of films per bin of P(positive), `BINS` of equal width from 0 to 1; refused
            films have none.
        profile: Site profile that was applied, or None.
    """

    title: str
    sha256: str
    profile: str | None
    films: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    histogram: list[int] = field(default_factory=lambda: [0] * BINS)
    _sample: list[tuple[int, str, Written]] = field(default_factory=list)

    @property
    def sample(self) -> list[Written]:
        """At most `SAMPLE_FILMS` of the films, drawn by their content hash, in its order.

        A hash does not depend on the order of the films, the engine or an interruption, so neither does
        the sample.
        """
        return [film for _, _, film in sorted(self._sample, key=lambda item: -item[0])]

    def is_wanted(self, key: int) -> bool:
        """Whether a film with this number of its hash belongs to the sample."""
        return len(self._sample) < SAMPLE_FILMS or key < -self._sample[0][0]

    def keep(self, key: int, film: Written) -> None:
        """Takes a film into the sample, in place of the one with the highest hash if it is full."""
        item = (-key, film.source, film)
        if len(self._sample) < SAMPLE_FILMS:
            heapq.heappush(self._sample, item)
        else:
            heapq.heapreplace(self._sample, item)


@dataclass(slots=True)
class Summary:
    """A whole batch.

    Attributes:
        films: Number of rows.
        shards: Number of shards.
        errors: Code of an error to the number of films.
        reasons: Code of a gate's reason to the number of films with it.
        refused: Number of films that the gate refused.
        bundles: Counts of each bundle, by its SHA-256.
    """

    films: int = 0
    shards: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    bundles: dict[str, BundleCounts] = field(default_factory=dict)

    @property
    def labels(self) -> Counter[str]:
        """Verdict to number of films, over all bundles."""
        return sum((counts.labels for counts in self.bundles.values()), Counter())


def summarise(shards: Shards) -> Summary:
    """Counts the rows of all shards."""
    summary = Summary()
    for name in shards.stamps():
        table = shards.read(name, _COLUMNS)
        summary.shards += 1
        summary.films += table.num_rows
        summary.errors.update(_counts(table[ERROR_CODE]))
        summary.reasons.update(_counts(table["reasons"].combine_chunks().flatten()))
        summary.refused += _counts(table["gate"]).get(REFUSE, 0)
        for sha256, films in _by_bundle(table):
            title, profile = (films[key][0].as_py() for key in ("bundle", "profile"))
            counts = summary.bundles.setdefault(
                sha256, BundleCounts(title=title, sha256=sha256, profile=profile)
            )
            _add(counts, films)
    return summary


def _counts(values: Any) -> dict[str, int]:
    """Value of a column to its number; without null."""
    return {
        item["values"]: item["counts"]
        for item in values.value_counts().to_pylist()
        if item["values"] is not None
    }


def _by_bundle(table: Any) -> Iterator[tuple[str, Any]]:
    from pyarrow import compute

    for sha256 in sorted(_counts(table["bundle_sha256"])):
        yield sha256, table.filter(compute.equal(table["bundle_sha256"], sha256))


def _add(counts: BundleCounts, films: Any) -> None:
    counts.films += films.num_rows
    counts.labels.update(_counts(films["label"]))
    p = films["p_unadjusted"].drop_null().to_numpy()
    bins, _ = np.histogram(p, BINS, (0.0, 1.0))
    counts.histogram = [a + int(b) for a, b in zip(counts.histogram, bins, strict=True)]
    for i, sha256 in enumerate(films[SHA256].to_pylist()):
        key = int(sha256[:16], 16)
        if counts.is_wanted(key):
            counts.keep(key, _written(films.slice(i, 1).to_pylist()[0]))


def _written(row: dict[str, Any]) -> Written:
    return Written(
        source=row[PATH],
        p=row["p_unadjusted"],
        refused=row["gate"] == REFUSE,
        scores=dict(row["gate_scores"]),
        bundle_sha256=row["bundle_sha256"],
        profile=row["profile"],
    )


def to_json(summary: Summary) -> dict[str, Any]:
    """The counts as JSON-ready values."""
    return {
        "films": summary.films,
        "shards": summary.shards,
        "labels": _ordered(summary.labels),
        "not_read": summary.errors.total(),
        "errors": _ordered(summary.errors),
        "refused": summary.refused,
        "reasons": _ordered(summary.reasons),
        "bundles": [
            {
                "bundle": counts.title,
                "bundle_sha256": counts.sha256,
                "profile": counts.profile,
                "films": counts.films,
                "labels": _ordered(counts.labels),
                "histogram": counts.histogram,
            }
            for counts in summary.bundles.values()
        ],
    }


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(counts.most_common())
