"""The results of an audit: values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.evidence.audit import findings

if TYPE_CHECKING:
    from pneumoscope.data.check import Broken
    from pneumoscope.data.listing import Listing
    from pneumoscope.evidence.audit.films import Reading
    from pneumoscope.evidence.audit.findings import Finding
    from pneumoscope.evidence.audit.labels import Doubts
    from pneumoscope.evidence.audit.near_duplicates import Copy
    from pneumoscope.evidence.audit.shortcuts import Shortcuts
    from pneumoscope.evidence.audit.splits import Grouping, Shift


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture that occurs in the set more than once.

    Attributes:
        paths: Its films, relative to the data folder.
        exact: Whether their pixels are the same.
        turn: The turn that makes the second film equal to the first, or ``""``.
        likeness: See `near_duplicates.Copy`.
        across: How the films differ: ``"split"``, ``"class"``, ``"patient"``.
    """

    paths: tuple[str, ...]
    exact: bool
    turn: str
    likeness: float
    across: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """The results of an audit.

    Attributes:
        listing: All films.
        reading: Data of the films that could be read.
        bundle: Title of the bundle that gave the embeddings.
        pictures: Copies, in the order of ``copies``.
        copies: The same with positions in the reading.
        groupings: Patients on splits and classes.
        shifts: Shifts of the label's share between splits.
        shortcuts: One per contrast.
        doubts: Films whose labels may be wrong.
        warnings: Sentences of the layout.
        limits: What could not be measured, in sentences.
        sides: Contrast to its films in the reading, each with whether it is in the positive group.
        findings: The judgement on each check.
        population: The population that the bundle is for, in words.
    """

    listing: Listing
    reading: Reading
    bundle: str
    pictures: tuple[Picture, ...]
    copies: tuple[Copy, ...]
    groupings: tuple[Grouping, ...]
    shifts: tuple[Shift, ...]
    shortcuts: tuple[Shortcuts, ...]
    doubts: Doubts
    warnings: tuple[str, ...]
    limits: tuple[str, ...]
    sides: dict[str, tuple[tuple[int, bool], ...]]
    findings: tuple[Finding, ...] = ()
    population: str = ""

    @property
    def verdict(self) -> str:
        """``"pass"``, ``"look"`` or ``"stop"``."""
        return findings.overall(self.findings)

    @property
    def broken(self) -> tuple[Broken, ...]:
        """Films that could not be read."""
        return self.reading.broken
