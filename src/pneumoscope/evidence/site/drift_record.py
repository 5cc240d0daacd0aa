"""A drift test in words and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.decision.sentences import counted

if TYPE_CHECKING:
    from pneumoscope.evidence.site.drift import Drift


def words_of(drift: Drift) -> list[str]:
    """The result in sentences without full stop."""
    sentences = []
    for channel in drift.channels:
        if channel.alarm is not None and channel.since is not None:
            side = "higher" if channel.after > channel.before else "lower"
            if channel.after == channel.before:
                side = "spread differently"
            sentences.append(
                f"{channel.name} is {side} than at calibration: mean {channel.after:.3g}, before "
                f"{channel.before:.3g}; alarm at film {channel.alarm + 1:,}, since about film "
                f"{channel.since + 1:,}"
            )
    if not sentences:
        sentences.append(
            f"nothing in {counted(drift.films, 'prediction')} indicates that films have changed since calibration"
        )
    if drift.silent:
        sentences.append(
            "not compared, since only the profile or only the predictions contain them: "
            + ", ".join(drift.silent)
            + " (`pneumoscope predict --json` writes all channels, --csv no gate measurements)"
        )
    if drift.unread:
        sentences.append(f"films that could not be read, not used: {drift.unread:,}")
    sentences.append(
        f"if nothing changes, the probability of an alarm is at most {drift.alpha:.3g}"
    )
    return sentences


def to_json(drift: Drift) -> dict[str, Any]:
    """The result as JSON-ready values, evidence film by film."""
    return {
        "alarm": drift.alarm,
        "words": words_of(drift),
        "profile": drift.profile,
        "alpha": drift.alpha,
        "films": drift.films,
        "unread": drift.unread,
        "channels": [
            {
                "name": c.name,
                "reference": c.reference,
                "films": c.films,
                "alarm_at_film": None if c.alarm is None else c.alarm + 1,
                "since_film": None if c.since is None else c.since + 1,
                "mean_before": c.before,
                "mean_after": c.after,
                "evidence": [float(f"{x:.4g}") for x in c.evidence.tolist()],
            }
            for c in drift.channels
        ],
        "silent": list(drift.silent),
    }
