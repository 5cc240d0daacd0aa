"""Sections and settings of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from pneumoscope.errors import UsageError

CALIBRATION, DECISION, CONFORMAL = "calibration", "decision", "conformal"
SUBGROUPS, PAIRS, GALLERY, ROBUSTNESS = "subgroups", "pairs", "gallery", "robustness"
SHORTCUTS, ANATOMY, SANITY, LOCALISATION = "shortcuts", "anatomy", "sanity", "localisation"
SECTIONS = (
    CALIBRATION, DECISION, CONFORMAL, SUBGROUPS, PAIRS, SHORTCUTS, GALLERY, ROBUSTNESS, ANATOMY,
    LOCALISATION, SANITY,
)  # fmt: skip
"""Sections that can be requested or left out. Verdicts, discrimination and operating points are
always measured."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to measure.

    Attributes:
        sections: The sections to measure, among `SECTIONS`.
        split: ``"auto"``, ``"validation"``, ``"test"``, ``"train"`` or ``"all"``.
        prevalences: Prevalences for PPV and NPV, in (0, 1).
        by: Columns of the manifest.
        draws: Number of draws of the bootstrap.
        seed: Seed of the draws.
        threads: Number of films that are read at once.
    """

    sections: tuple[str, ...]
    split: str
    prevalences: tuple[float, ...]
    by: tuple[str, ...]
    draws: int
    seed: int
    threads: int


def check_settings(settings: Settings) -> None:
    """Rejects settings out of range.

    Raises:
        UsageError: Naming the option.
    """
    for share in settings.prevalences:
        if not 0 < share < 1:
            raise UsageError(f"--prevalence {share:g} is not between 0 and 1", "0.05 is 5 %.")
    if settings.draws < 2:
        raise UsageError(f"--draws {settings.draws}", "At least 2 are needed, 2000 are usual.")
