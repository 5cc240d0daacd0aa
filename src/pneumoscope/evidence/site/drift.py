"""Drift: do new films still look, to the bundle, like those of the site profile?

A sequential test that may be evaluated after every film. Each new film is ranked among the films of
the profile *and* those before it (an online conformal p-value). While nothing changes, all of them are
exchangeable, so these ranks are independent and uniform, however few films the reference contains (Vovk,
Gammerman and Shafer 2005). A player who bets on the next rank then cannot expect to win, and by Ville's
inequality (1939) the probability that the stake is ever multiplied by 1 / alpha is at most alpha. The
bets are the Composite Jumper of Vovk et al. 2021 ("Retrain or not retrain: conformal test martingales for
change-point detection"), with additional bets on spread; see `martingale`.

Several channels (the score, each gate measurement, refusals) are tested separately, each with a share
alpha / channels of false alarms (Bonferroni). Their stakes must not be averaged: each is a fair game only
given its own past. numpy only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.gate import REASONS
from pneumoscope.decision.probability import logit
from pneumoscope.errors import UsageError
from pneumoscope.evidence.site.martingale import log_stakes, ranks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pneumoscope.decision.calibration import Calibration
    from pneumoscope.decision.profile import SiteProfile
    from pneumoscope.render.written import Written

    Array = NDArray[np.float64]

SCORE, REFUSED, GATE = "log odds", "refused", "gate: "
"""Channels: log odds of the bundle's P(positive), whether the gate refused, prefix of gate measurements."""
ALPHA = 0.05
FEWEST = 20
"""Minimum number of films in a reference; ranks among fewer carry little information."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What films are compared with.

    Attributes:
        name: Of the site profile or the bundle.
        channels: Channel to the values of the reference films, in any order.
        calibration: Calibration of the site profile that predictions may have been made with; it is
            undone. None without one: then predictions count as the bundle's own.
    """

    name: str
    channels: Mapping[str, tuple[float, ...]]
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """The result of one channel.

    Attributes:
        name: See `SCORE`, `REFUSED`, `GATE`.
        reference: Number of films in the profile's reference.
        films: Number of predictions with a value in this channel.
        positions: Their positions, from 0, (films,).
        evidence: Stake after each of these films, divided by the number of channels, (films,); it
            starts at 1 / channels, and the alarm is raised at 1 / alpha.
        alarm: Position of the film at which the alarm was raised, or None.
        since: Position from which on the evidence grew towards the alarm, or None: an estimate of
            when the change began.
        before: Mean in the reference.
        after: Mean of the predictions, from ``since`` on if there is an alarm.
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
    """The result of the test for a series of predictions.

    Attributes:
        profile: Name of the reference: of the site profile or the bundle.
        alpha: Probability of an alarm if nothing changes, however long the series is.
        films: Number of predictions.
        unread: Number of films that could not be read; they are not used.
        channels: In the order score, gate measurements, refusals.
        silent: Channels that only the reference or only the predictions contain.
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


def watch(written: Sequence[Written], profile: SiteProfile, alpha: float = ALPHA) -> Drift:
    """Compares a series of predictions with the profile's reference.

    Args:
        written: Predictions in the order in which the films arrived.
        profile: Contains the reference.
        alpha: Probability of a false alarm over the whole series, in (0, 1).

    Raises:
        UsageError: ``alpha`` is out of range, no film was read, or no channel can be compared.
    """
    named = f"site profile {profile.name}"
    result = compare(written, Reference(named, profile.reference, profile.calibration), alpha)
    return replace(result, profile=profile.name)


def compare(written: Sequence[Written], reference: Reference, alpha: float = ALPHA) -> Drift:
    """Compares predictions with a reference, see `watch`.

    Args:
        written: Predictions in the order in which the films arrived.
        reference: What they are compared with.
        alpha: Probability of a false alarm over the whole series, in (0, 1).

    Raises:
        UsageError: ``alpha`` is out of range, no film was read, or no channel can be compared.
    """
    if not 0 < alpha < 1:
        raise UsageError(
            f"the share of false alarms {alpha:g} is not between 0 and 1", "0.05 is usual."
        )
    read = [(i, film) for i, film in enumerate(written) if film.read]
    if not read:
        raise UsageError("no film of these predictions was read", "Is this the right file?")
    streams = values_of([film for _, film in read], reference.calibration)
    compared = {
        name: (np.array([read[k][0] for k in rows], np.intp), values)
        for name, (rows, values) in streams.items()
        if len(reference.channels.get(name, ())) >= FEWEST
    }
    if not compared:
        raise UsageError(
            f"{reference.name}: has no reference for anything in these predictions",
            f"It needs {FEWEST} patients or more; run `pneumoscope calibrate` on more films.",
        )
    rng = np.random.default_rng(0)  # orders equal values
    channels = tuple(
        _channel(name, reference.channels[name], *compared[name], (len(compared), alpha), rng)
        for name in sorted(compared, key=_order)
    )
    silent = sorted((set(streams) | set(reference.channels)) - set(compared), key=_order)
    return Drift(
        profile=reference.name,
        alpha=alpha,
        films=len(written),
        unread=len(written) - len(read),
        channels=channels,
        silent=tuple(silent),
    )


def values_of(
    written: Sequence[Written], calibration: Calibration | None = None
) -> dict[str, tuple[list[int], Array]]:
    """Channel to the rows of the films with a value in it, and these values.

    Args:
        written: Films that were read.
        calibration: See `Reference.calibration`.
    """
    channels: dict[str, tuple[list[int], list[float]]] = {}

    def put(name: str, row: int, value: float) -> None:
        rows, values = channels.setdefault(name, ([], []))
        rows.append(row)
        values.append(value)

    for row, film in enumerate(written):
        p = film.bundle_p(calibration)
        if p is not None and not film.refused:  # refused films have a probability only if forced
            put(SCORE, row, float(logit(p)))
        for name, value in film.scores.items():
            if name not in REASONS:  # probabilities of single kinds: "unsuitable" is their sum
                put(GATE + name, row, value)
        if film.refused is not None:
            put(REFUSED, row, float(film.refused))
    # As many digits as in the profile, so that equal values remain equal.
    return {name: (rows, np.round(values, 4)) for name, (rows, values) in channels.items()}


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
    """Tests one channel; ``test`` contains the number of channels and alpha."""
    channels, alpha = test
    logs = np.full(len(stream), -np.log(channels))
    # If all values are equal, the ranks are random: no bets, so no alarms.
    if np.ptp(np.r_[reference, stream]) > 0:
        logs += log_stakes(ranks(reference, stream, rng))
    reached: NDArray[Any] = np.flatnonzero(logs >= -np.log(alpha))
    alarm = since = None
    start = 0
    if len(reached):
        start = int(np.argmin(np.r_[-np.log(channels), logs[: reached[0] + 1]]))
        alarm, since = int(positions[reached[0]]), int(positions[start])
    # Stakes above 1e304 are not distinguished.
    evidence = np.exp(np.minimum(logs, 700.0))
    return Channel(
        name=name,
        reference=len(reference),
        films=len(stream),
        positions=positions,
        evidence=evidence,
        alarm=alarm,
        since=since,
        before=float(np.mean(reference)),
        after=float(stream[start:].mean()),
    )
