"""The card's sections on the gate and on the scores of heatmaps, from the bundle's record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.metrics import interval_text

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

Films that cannot be judged are REFUSED, with a coded reason (`--force` gives the verdict all the
same, marked). Of {plain["films"]} validation films as they are it refuses {plain["refused"]:.1%}; under the stress
suite {sum(stress.values()) / len(stress):.1%} on average, at worst {stress[worst]:.1%} ({worst}); augmented {measured["augmented"]:.1%}.
The limits were set on these films, so the shares are optimistic. Validation films changed on purpose:

| changed into | refused | reason right |
|---|---|---|
{rows}

It learned from: {learned}. What it says of pictures that it has not seen is in the project's
documentation (safe verdicts). It has seen few or no real radiographs of other parts of the body."""


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

Always. Nobody measured what its score is worth on
these films."""
    rows = "\n".join(
        f"| {mode} | {_limit(record['limits'].get(mode))} | {_interval(figures['misplaced'])} "
        f"| {_interval(figures['mirrored'])} |"
        for mode, figures in record["modes"].items()
    )
    return f"""## When a heatmap is shown

If its score reaches the limit of its mode (`--explain`). Rule:
{record["rule"]}. AUC of the score, for maps in the right place against maps in the wrong
one, and for maps against their mirror images:

| mode | limit | misplaced | mirrored |
|---|---|---|---|
{rows}

Of {record["misplaced_films"]} maps that really lie in the wrong place the limits hide few: {_hidden(record)}."""


def _hidden(record: Mapping[str, Any]) -> str:
    """Share of all composed films; the record does not say where their maps lie."""
    shares = [
        f"of all {record['composed']} composed films `{mode}` hides {figures['hidden_composed']:.0%}"
        for mode, figures in record["modes"].items()
        if figures["hidden_composed"] is not None
    ]
    return "; ".join(shares) or "there are none"


def _limit(limit: float | None) -> str:
    return "none" if limit is None else f"{limit:.3f}"


def _interval(figure: Mapping[str, float] | None) -> str:
    return "not measurable" if figure is None else interval_text(figure)
