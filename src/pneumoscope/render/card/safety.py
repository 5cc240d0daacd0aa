"""The card's sections on the gate and on the scores of heatmaps, from the bundle's record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.metrics import interval_text
from pneumoscope.records import NORMAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.bundle import BundleMeta


def gate_section(meta: BundleMeta) -> str:
    """What the gate refuses, and how often it is wrong; Markdown."""
    if meta.gate is None:
        return """## Gate

This bundle has none of its own: it gives a verdict on almost anything, also on a photograph of a
cat. Only size, colour and header of a film are checked."""
    measured = meta.gate["measured"]
    plain, changed = measured["plain"], measured["changed"]
    stress = measured["stress"]
    worst = max(stress, key=stress.__getitem__)
    rows = "\n".join(f"| {_words(kind)} | {_shares(shares)} |" for kind, shares in changed.items())
    learned = ", ".join(f"{kind} {count}" for kind, count in measured["learned"].items())
    return f"""## Gate

Films that cannot be judged are REFUSED, with a coded reason (`--force` gives the verdict
anyway, marked). Of {plain["films"]} validation films as they are it refuses {plain["refused"]:.1%}; under the stress
suite {sum(stress.values()) / len(stress):.1%} on average, at worst {stress[worst]:.1%} ({worst}); augmented {measured["augmented"]:.1%}.
The limits were set on these films, so the shares are optimistic. Validation films changed on purpose:

| changed into | refused | reason right |
|---|---|---|
{rows}

It learned from: {learned}. How it answers pictures that it has not seen is in the
project's documentation (safe verdicts). It has seen few or no real radiographs of other parts of the body."""


def _words(kind: str) -> str:
    return kind.replace("-", " ")


def _shares(shares: Mapping[str, Any]) -> str:
    refused = f"{shares['refused']:.1%}" if "refused" in shares else "a note only"
    return f"{refused} | {shares['recognised']:.1%}"


def explanation_section(meta: BundleMeta) -> str:
    """When a heatmap is shown, and how good its score is; Markdown."""
    record = meta.explanation
    if record is None:
        return """## When a heatmap is shown

Always. What its score is worth has not been measured
on these films."""
    verdict = meta.positive if "negative" in record else "any verdict"
    rows = _heatmap_rows(verdict, record)
    if "negative" in record:
        rows += _heatmap_rows(NORMAL, record["negative"])
    return f"""## When a heatmap is shown

If its score reaches the limit of its verdict and mode (`--explain`). Rule:
{record["rule"]}. AUC of the score, for maps in the right place against maps in the wrong
one, and for maps against their mirror images; the last column is the share of the mirror images
that the limit hides:

| verdict | mode | limit | misplaced | mirrored | mirror images hidden |
|---|---|---|---|---|---|
{chr(10).join(rows)}"""


def _heatmap_rows(verdict: str, record: Mapping[str, Any]) -> list[str]:
    return [
        f"| {verdict} | {mode} | {_limit(record['limits'].get(mode))} "
        f"| {_interval(figures['misplaced'])} | {_interval(figures['mirrored'])} "
        f"| {_share(figures['hidden_mirrored'])} |"
        for mode, figures in record["modes"].items()
    ]


def _share(share: float | None) -> str:
    return "no limit" if share is None else f"{share:.0%}"


def _limit(limit: float | None) -> str:
    return "none" if limit is None else f"{limit:.3f}"


def _interval(figure: Mapping[str, float] | None) -> str:
    return "not measurable" if figure is None else interval_text(figure)
