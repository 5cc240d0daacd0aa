"""How good the scores of heatmaps are, and the limits below which no heatmap is shown.

For a film composed of a healthy and an ill half (`localise`), it is known where the evidence is. That
answers two questions. *Misplaced*: does a map score lower if less than three quarters of its heat
lie on the half that the verdict is about? *Mirrored*: does a map score lower once it is replaced by
its mirror image, which marks the same organ on the wrong side?

The limit of a mode hides the lowest twentieth of whole validation films. It is set only if the score
tells right maps from wrong ones in at least one of the two ways; otherwise it would hide maps by
chance.

Maps of the negative class have limits and figures of their own. They mark all that looks healthy, so
they score less than maps of a disease: one limit for both would hide none of the latter.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision import explain as heatmaps
from pneumoscope.decision import triage
from pneumoscope.decision.explain import CHECKED, FAST, Subject, score_of
from pneumoscope.decision.rules import Rules
from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.evidence.statistics.named_figures import AUC, named_figure
from pneumoscope.images import resample
from pneumoscope.metrics import roc_auc
from pneumoscope.records import Settings
from pneumoscope.train.validation import localise

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.data import FilmSet
    from pneumoscope.decision.explain import Run

    Lungs = Callable[[NDArray[np.uint8]], NDArray[np.floating[Any]]]
    """uint8 (n, size, size, 1) to lung fields (n, h, w)."""

MOST = 200
"""Maximum number of whole films, and of composed ones, that are scored; each takes up to 18 runs of the
network."""
HIDDEN = 0.05
"""Share of whole validation films that a limit hides."""
PLACED = 0.75
"""A map of a composed film counts as right from this share of the heat on the verdict's half."""
_FEWEST = 10
"""Minimum number of right maps, and of wrong ones, for an AUC; with fewer it means nothing."""
_PERCENTILES = (1, 5, 25, 50, 75, 95, 99)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores of heatmaps by mode, each (n,).

    Attributes:
        whole: Scores of unchanged validation films.
        composed: Scores of composed films.
        mirrored: Scores of the same films with their maps mirrored.
        placed: Share of the heat on the half that the verdict is about, (composed,).
        composed_patients: One key per composed film: that of the ill half.
        whole_negative: Whether the map is that of the negative class, bool (whole,).
        composed_negative: The same of composed films, bool (composed,).
    """

    whole: dict[str, NDArray[np.float64]]
    composed: dict[str, NDArray[np.float64]]
    mirrored: dict[str, NDArray[np.float64]]
    placed: NDArray[np.float64]
    composed_patients: tuple[str, ...]
    whole_negative: NDArray[np.bool_]
    composed_negative: NDArray[np.bool_]

    def of(self, *, negative: bool) -> Scores:
        """The scores of the maps of the negative class, or of all others."""
        whole = self.whole_negative == negative
        composed = self.composed_negative == negative
        return Scores(
            whole={mode: values[whole] for mode, values in self.whole.items()},
            composed={mode: values[composed] for mode, values in self.composed.items()},
            mirrored={mode: values[composed] for mode, values in self.mirrored.items()},
            placed=self.placed[composed],
            composed_patients=tuple(compress(self.composed_patients, composed)),
            whole_negative=self.whole_negative[whole],
            composed_negative=self.composed_negative[composed],
        )


def explain(
    run: Run,
    meta: BundleMeta,
    films: FilmSet,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    lungs: Lungs | None = None,
) -> dict[str, Any] | None:
    """Scores heatmaps of the validation films and sets the limits; see `scores`, `record_of`."""
    heatmap_scores = scores(run, meta, films, progress, lungs=lungs)
    return None if heatmap_scores is None else record_of(heatmap_scores)


def scores(
    run: Run,
    meta: BundleMeta,
    films: FilmSet,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    lungs: Lungs | None = None,
) -> Scores | None:
    """Scores whole and composed validation films; None if there are no ill or no healthy films.

    Args:
        run: The exported network.
        meta: Content of its ``bundle.json``.
        films: All films; those of the split ``"validation"`` are used.
        progress: Called with (films done, films in all).
        lungs: The exported network's lung fields; None if it does not look for lungs.
    """
    halves = localise.composed(films, meta.size)
    if halves is None:
        return None
    rng = np.random.default_rng(0)
    rows = films.rows("validation")
    rows = np.sort(rng.permutation(rows)[:MOST])
    pairs = len(halves.films) // 2
    # Each pair once if there are enough of them: its two films are almost the same.
    chosen = rng.permutation(pairs)[:MOST]
    chosen = np.where(np.arange(len(chosen)) % 2 == 0, chosen, chosen + pairs)
    total = len(rows) + len(chosen)
    whole, composed, mirrored, placed = [], [], [], []
    whole_negative, composed_negative = [], []
    for done, row in enumerate(rows, 1):
        subject, p = _subject(run, lungs, meta, resample(films.pixels[row], meta.size))
        whole.append(_both(subject, p, run))
        whole_negative.append(subject.explains_negative)
        progress(done, total)
    for done, i in enumerate(chosen, len(rows) + 1):
        subject, p = _subject(run, lungs, meta, halves.films[i])
        composed.append(_both(subject, p, run))
        # Shifted copies give the network the same answers, whichever map is shown with them.
        reflected = replace(subject, heatmap=subject.heatmap[:, ::-1])
        mirrored.append(_both(reflected, p, run, steady=composed[-1]["steady"]))
        ill = localise.ill_shares(subject.heatmap[None], halves.ill_left[i : i + 1])[0]
        placed.append(1 - ill if subject.explains_negative else ill)
        composed_negative.append(subject.explains_negative)
        progress(done, total)
    return Scores(
        whole=_by_mode(whole),
        composed=_by_mode(composed),
        mirrored=_by_mode(mirrored),
        placed=np.array(placed),
        composed_patients=tuple(halves.patients[i] for i in chosen),
        whole_negative=np.array(whole_negative),
        composed_negative=np.array(composed_negative),
    )


def record_of(heatmap_scores: Scores, draws: int = 2000) -> dict[str, Any]:
    """What ``bundle.json`` records about the scores.

    Returns:
        Figures of the maps of the positive verdict, or of findings, and under ``negative`` the same
        of the maps of the negative class, if any film has one.
        ``limits``: mode to limit, only where the score tells right from wrong; ``rule``; ``films`` and
        ``composed``: how many; ``modes``: mode to ``percentiles`` of whole films, ``misplaced`` and
        ``mirrored`` (AUC with patient-clustered interval, None if it cannot be measured) and
        ``hidden_whole``, ``hidden_composed`` and ``hidden_mirrored``, shares below the limit, None
        without a limit; ``misplaced_films``: how many.
    """
    negative = heatmap_scores.of(negative=True)
    record = _record(heatmap_scores.of(negative=False), draws)
    return record | ({"negative": _record(negative, draws)} if len(negative.whole_negative) else {})


def _record(heatmap_scores: Scores, draws: int) -> dict[str, Any]:
    right = heatmap_scores.placed >= PLACED
    limits, modes = {}, {}
    for mode in (FAST, CHECKED):
        record = _mode_record(heatmap_scores, mode, right, draws)
        limit = record.pop("limit")
        if limit is not None:
            limits[mode] = limit
        modes[mode] = record
    return {
        "limits": limits,
        "rule": f"hides the lowest {HIDDEN:.0%} of whole validation films, if the score tells right "
        "from wrong maps of composed ones",
        "films": len(heatmap_scores.whole[FAST]),
        "composed": len(right),
        "misplaced_films": int((~right).sum()),
        "modes": modes,
    }


def _mode_record(
    heatmap_scores: Scores, mode: str, right: NDArray[np.bool_], draws: int
) -> dict[str, Any]:
    whole = heatmap_scores.whole[mode]
    composed, reflected = heatmap_scores.composed[mode], heatmap_scores.mirrored[mode]
    patients = heatmap_scores.composed_patients
    misplaced = _auc(right, composed, patients, draws)
    mirrored = _auc(
        np.repeat([True, False], len(composed)),
        np.concatenate([composed, reflected]),
        patients * 2,
        draws,
    )
    tells = len(whole) > 0 and any(
        ((auc or {}).get("low") or 0.0) > 0.5 for auc in (misplaced, mirrored)
    )
    # Four digits, rounded down, so that the film that determines the limit is not hidden.
    limit = float(np.floor(np.quantile(whole, HIDDEN) * 1e4) / 1e4) if tells else None
    return {
        "limit": limit,
        "percentiles": {str(q): float(np.percentile(whole, q)) for q in _PERCENTILES if len(whole)},
        "misplaced": misplaced,
        "mirrored": mirrored,
        **{
            f"hidden_{name}": None if limit is None else float((values < limit).mean())
            for name, values in (("whole", whole), ("composed", composed), ("mirrored", reflected))
        },
    }


def _subject(
    run: Run, lungs: Lungs | None, meta: BundleMeta, film: NDArray[np.uint8]
) -> tuple[Subject, NDArray[np.floating[Any]]]:
    """The film with the map that its verdict would show, and its probabilities (classes,)."""
    p, maps = run(film[None, ..., None])
    field = None if lungs is None else lungs(film[None, ..., None])[0]
    named = dict(zip(meta.labels, p[0].tolist(), strict=True))
    shown = triage.judge(named, Rules.of(meta.rules, Settings())).heatmap_class
    return heatmaps.subject_of(film, maps[0], p[0], shown, meta.rules.labels, field), p[0]


def _both(
    subject: Subject,
    probabilities: NDArray[np.floating[Any]],
    run: Run,
    steady: float | None = None,
) -> dict[str, float]:
    """Scores of both modes, and ``steady``."""
    checks = heatmaps.quick_checks(subject)
    fast = score_of(checks)
    checks["steady"] = heatmaps.steadiness(subject, run) if steady is None else steady
    checks |= heatmaps.dependence(subject, probabilities, run)
    return {FAST: fast, CHECKED: score_of(checks), "steady": checks["steady"]}


def _by_mode(scores_of_films: list[dict[str, float]]) -> dict[str, NDArray[np.float64]]:
    return {mode: np.array([film[mode] for film in scores_of_films]) for mode in (FAST, CHECKED)}


def _auc(
    right: NDArray[np.bool_], score: NDArray[np.float64], patients: tuple[str, ...], draws: int
) -> dict[str, Any] | None:
    if min(right.sum(), (~right).sum()) < _FEWEST:
        return None
    try:
        boot = Bootstrap.of(patients, draws)
        return asdict(named_figure(AUC, partial(roc_auc, right, score), right, boot))
    except UsageError:
        return None
