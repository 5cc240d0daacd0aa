"""Where the heat of a bundle lies, and what it reads without lungs, by outlines that people drew: values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pneumoscope.evidence.statistics.intervals import Figure

LUNGS, BOXES, ILL_SIDE = "lungs", "boxes", "ill side"
"""Regions: a film's lung mask; the boxes that a reader drew; the half of the film in which all boxes of a
film are, if they are in one."""


@dataclass(frozen=True, slots=True)
class RegionHeat:
    """The heat of one class inside one region, on the films that have both.

    Attributes:
        region: `LUNGS`, `BOXES` or `ILL_SIDE`.
        heat_of: The class or finding. For the positive verdict of a bundle with several kinds it is the
            map that readers see as long as the kind is not determined: that of all kinds.
        films: Number of films whose map is not blank.
        patients: Number of their patients.
        blank: Number of films whose map is blank; they count in no figure.
        share: Mean share of the heat inside the region.
        area: Mean share of the film inside the region, which evenly spread heat would have; None without
            films.
        peak: Share of the films whose hottest cell has its centre inside the region.
    """

    region: str
    heat_of: str
    films: int
    patients: int
    blank: int
    share: Figure
    area: float | None
    peak: Figure


@dataclass(frozen=True, slots=True)
class MaskedView:
    """The bundle on films of which a part is painted over.

    Attributes:
        name: Such as ``"lungs blanked, fixed mask"``.
        roc_auc: Of the question `Localisation.view_of`.
        lost: AUC on the films as they are minus this one; None for the films as they are.
    """

    name: str
    roc_auc: Figure
    lost: Figure | None


@dataclass(frozen=True, slots=True)
class Localisation:
    """Everything that lung masks and readers' boxes tell of one bundle.

    Attributes:
        masked: Number of films with a lung mask that were measured.
        boxed: Number of films with boxes that were measured.
        one_sided: Number of those whose boxes are on one side only.
        regions: By region and class.
        views: The bundle with lungs blanked and with nothing but lungs; empty without masks, or with films
            of one class.
        view_of: The question that the views rank; ``""`` without views.
        view_films: Number of films of the views.
        view_patients: Number of their patients.
        hidden: Mean share of a film's lungs that the fixed mask covers; None without views.
        area_own: Mean share of the film that its own dilated mask covers; None without views.
        area_fixed: Share of the film that the fixed mask covers; None without views.
        note: Why there are no views, or ``""``.
    """

    masked: int
    boxed: int
    one_sided: int
    regions: tuple[RegionHeat, ...]
    views: tuple[MaskedView, ...]
    view_of: str
    view_films: int
    view_patients: int
    hidden: float | None
    area_own: float | None
    area_fixed: float | None
    note: str
