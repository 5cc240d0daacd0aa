"""Drift: do the films that come in still look, to the bundle, like those of the site profile?

A sequential test that may be looked at after every film. Each new film is ranked among the films
of the profile *and* those before it (an online conformal p-value): while nothing changes all of
them are exchangeable, so these ranks are independent and uniform, however few films the reference
has (Vovk, Gammerman and Shafer 2005). A player who bets on the next rank then cannot expect to win,
and by Ville's inequality (1939) the chance that the stake is ever multiplied by 1 / alpha is at
most alpha. The bets are the Composite Jumper of Vovk et al. 2021 ("Retrain or not retrain:
conformal test martingales for change-point detection"), with bets on spread besides.

Several channels (the score, each gate measurement, refusals) are each played on their own, and
each has a share alpha / channels of false alarms (Bonferroni). Their stakes may not be averaged:
each is a fair game given its own past only. numpy only.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.gate import REASONS
from pneumoscope.decision.profile import log_odds
from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.decision.profile import SiteProfile
    from pneumoscope.render.written import Written

    Array = NDArray[np.float64]

SCORE, REFUSED, GATE = "log odds", "refused", "gate: "
"""Channels: of P(positive) as the bundle gives it, whether the gate refused, a gate measurement."""
ALPHA = 0.05
FEWEST = 20
"""Films in a reference; among fewer no rank can tell much."""

_RATES = (0.001, 0.01, 0.1, 1.0)
"""How often the player changes the bet, per film; the stake is split evenly. At 1 nothing can be
won or lost: a quarter of the stake is safe, so a long quiet stretch costs little."""
_LOCATION = (-2.0, -1.0, 0.0, 1.0, 2.0)
_SPREAD = (-1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """What one channel says.

    Attributes:
        name: See `SCORE`, `REFUSED`, `GATE`.
        reference: Films in the profile's reference.
        films: Films of the stretch that have it.
        positions: Their positions in the stretch, from 0, (films,).
        evidence: Stake after each of these films, divided by the number of channels, (films,); it
            starts at 1 / channels, and 1 / alpha is the alarm.
        alarm: Position in the stretch of the film at which the alarm was raised, or None.
        since: Position from which on the evidence grew towards the alarm, or None: a guess of when
            the change began.
        before: Mean in the reference.
        after: Mean of the stretch, from ``since`` on if there is an alarm.
    """

    name: str
    reference: int
    films: int
    positions: NDArray[np.intp]
    evidence: Array
    alarm: int | None
    since: int | None
    before: float
    after: float


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """What the test says of a stretch of predictions.

    Attributes:
        profile: Name of the site profile.
        alpha: Chance that a stretch without any change raises an alarm, however long it is.
        films: Predictions in the stretch.
        unread: Films in it that could not be read: they count nowhere.
        channels: In the order score, gate measurements, refusals.
        silent: Channels of the profile that the predictions do not hold, or the reverse.
    """

    profile: str
    alpha: float
    films: int
    unread: int
    channels: tuple[Channel, ...]
    silent: tuple[str, ...]

    @property
    def alarm(self) -> bool:
        """Whether any channel raised one."""
        return any(channel.alarm is not None for channel in self.channels)


def watch(
    written: Sequence[Written], profile: SiteProfile, alpha: float = ALPHA, seed: int = 0
) -> Drift:
    """Compares a stretch of predictions with the profile's reference.

    Args:
        written: Predictions in the order in which the films came.
        profile: Whose reference they are compared with.
        alpha: Chance of a false alarm over the whole stretch, in (0, 1).
        seed: Of the random numbers that order equal values.

    Raises:
        UsageError: ``alpha`` is out of range, no film was read, or no channel can be compared.
    """
    if not 0 < alpha < 1:
        raise UsageError(
            f"the share of false alarms {alpha:g} is not between 0 and 1", "0.05 is usual."
        )
    read = [(i, one) for i, one in enumerate(written) if one.read]
    if not read:
        raise UsageError("no film of these predictions was read", "Is this the right file?")
    streams = values_of([one for _, one in read], profile)
    own = {
        name: (np.array([read[k][0] for k in rows], np.intp), values)
        for name, (rows, values) in streams.items()
        if len(profile.reference.get(name, ())) >= FEWEST
    }
    if not own:
        raise UsageError(
            f"site profile {profile.name}: has no reference for anything in these predictions",
            f"It needs {FEWEST} patients or more; run `pneumoscope calibrate` on more films.",
        )
    rng = np.random.default_rng(seed)
    channels = tuple(
        _channel(name, profile.reference[name], *own[name], (len(own), alpha), rng)
        for name in sorted(own, key=_order)
    )
    silent = sorted((set(streams) | set(profile.reference)) - set(own), key=_order)
    return Drift(
        profile.name, alpha, len(written), len(written) - len(read), channels, tuple(silent)
    )


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


def values_of(
    written: Sequence[Written], profile: SiteProfile | None = None
) -> dict[str, tuple[list[int], Array]]:
    """Channel to the rows of the films that have it, and its values there.

    Args:
        written: Films that were read.
        profile: Undoes the calibration of predictions that were made with it; without one,
            predictions count as the bundle's own.
    """
    calibration = profile.calibration if profile is not None else None
    found: dict[str, tuple[list[int], list[float]]] = {}

    def put(name: str, row: int, value: float) -> None:
        rows, values = found.setdefault(name, ([], []))
        rows.append(row)
        values.append(value)

    for row, one in enumerate(written):
        p = one.bundle_p(calibration)
        if p is not None and not one.refused:  # refused films have no figure, unless forced
            put(SCORE, row, float(log_odds(np.array(p))))
        for name, value in one.scores.items():
            if name not in REASONS:  # probabilities of one kind: "unsuitable" is their sum
                put(GATE + name, row, value)
        if one.refused is not None:
            put(REFUSED, row, float(one.refused))
    # As many digits as the profile keeps, or equal values would no longer be equal.
    return {name: (rows, np.round(values, 4)) for name, (rows, values) in found.items()}


def ranks(reference: Sequence[float], stream: Array, rng: np.random.Generator) -> Array:
    """Online conformal p-values: where each value stands among the reference and those before it.

    Args:
        reference: Any order.
        stream: (n,), in order of time.
        rng: Orders equal values.

    Returns:
        (n,), in (0, 1): small for values larger than most. Independent and uniform if reference and
        stream are exchangeable.
    """
    past = sorted(float(x) for x in reference)
    found = np.empty(len(stream))
    chance = 1 - rng.random(len(stream))
    for i, x in enumerate(stream.tolist()):
        above = len(past) - bisect_right(past, x)
        equal = len(past) - above - bisect_left(past, x)
        found[i] = (above + chance[i] * (equal + 1)) / (len(past) + 1)
        insort(past, x)
    return found


def log_stakes(u: Array) -> Array:
    """Logarithm of the player's stake after each rank, from a stake of 1.

    Args:
        u: Ranks in [0, 1], (n,) or (n, games).

    Returns:
        As ``u``: a test martingale if ranks are independent and uniform.
    """
    games = u.reshape(len(u), -1)
    x = games - 0.5
    # Every bet has the mean 1 over uniform ranks and is never negative.
    bets = [1 + e * x for e in _LOCATION] + [1 + e * (6 * x**2 - 0.5) for e in _SPREAD]
    factors = np.stack(bets, axis=-1)  # (n, games, bets)
    rates = np.array(_RATES)[:, None]
    stake = np.full((games.shape[1], len(_RATES), len(bets)), 1 / (len(_RATES) * len(bets)))
    log_scale = np.zeros(games.shape[1])
    found = np.empty(games.shape)
    for i, factor in enumerate(factors):
        whole = stake.sum(axis=-1, keepdims=True)
        stake = ((1 - rates) * stake + rates * whole / len(bets)) * factor[:, None, :]
        total = stake.sum(axis=(1, 2))
        stake /= total[:, None, None]
        log_scale += np.log(total)
        found[i] = log_scale
    return found.reshape(u.shape)


def _order(name: str) -> tuple[int, str]:
    return {SCORE: 0, REFUSED: 2}.get(name, 1), name


def _channel(
    name: str,
    reference: Sequence[float],
    positions: NDArray[np.intp],
    stream: Array,
    test: tuple[int, float],
    rng: np.random.Generator,
) -> Channel:
    """Plays one channel; ``test`` is the number of channels and alpha."""
    channels, alpha = test
    logs = np.full(len(stream), -np.log(channels))
    # Of values that are all equal the ranks are mere chance: no bets, so no alarms.
    if np.ptp(np.r_[reference, stream]) > 0:
        logs += log_stakes(ranks(reference, stream, rng))
    reached: NDArray[Any] = np.flatnonzero(logs >= -np.log(alpha))
    alarm = since = None
    start = 0
    if len(reached):
        start = int(np.argmin(np.r_[-np.log(channels), logs[: reached[0] + 1]]))
        alarm, since = int(positions[reached[0]]), int(positions[start])
    # A stake of 1e304 says as much as any larger one.
    evidence = np.exp(np.minimum(logs, 700.0))
    return Channel(
        name, len(reference), len(stream), positions, evidence, alarm, since,
        float(np.mean(reference)), float(stream[start:].mean()),
    )  # fmt: skip
