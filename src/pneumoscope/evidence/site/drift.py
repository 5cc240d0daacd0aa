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

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.gate import REASONS
from pneumoscope.decision.probability import logit
from pneumoscope.errors import UsageError
from pneumoscope.evidence.site.martingale import log_stakes, ranks

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
            put(SCORE, row, float(logit(p)))
        for name, value in one.scores.items():
            if name not in REASONS:  # probabilities of one kind: "unsuitable" is their sum
                put(GATE + name, row, value)
        if one.refused is not None:
            put(REFUSED, row, float(one.refused))
    # As many digits as the profile keeps, or equal values would no longer be equal.
    return {name: (rows, np.round(values, 4)) for name, (rows, values) in found.items()}


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
