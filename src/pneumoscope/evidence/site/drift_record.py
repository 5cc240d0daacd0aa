"""A drift test in words and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pneumoscope.evidence.site.drift import Drift


def words_of(drift: Drift) -> list[str]:
    """What the test says, in sentences without full stop."""
    found = []
    for channel in drift.channels:
        if channel.alarm is not None and channel.since is not None:
            side = "higher" if channel.after > channel.before else "lower"
            if channel.after == channel.before:
                side = "otherwise spread"
            found.append(
                f"{channel.name} is {side} than at calibration: mean {channel.after:.3g} after "
                f"{channel.before:.3g}; alarm at film {channel.alarm + 1:,}, since about film "
                f"{channel.since + 1:,}"
            )
    if not found:
        found.append(
            f"nothing in {drift.films:,} predictions says that films have changed since calibration"
        )
    if drift.silent:
        found.append(
            "not compared, since only the profile or only the predictions hold them: "
            + ", ".join(drift.silent)
            + " (`pneumoscope predict --json` writes all, --csv no gate measurements)"
        )
    if drift.unread:
        found.append(f"films that could not be read count nowhere: {drift.unread:,}")
    found.append(
        f"a stretch without any change raises an alarm with a chance of {drift.alpha:.3g} at most"
    )
    return found


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
