"""From the network's probabilities to words: label, sub-type, warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.records import NORMAL, PNEUMONIA, FilmFacts, OperatingPoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.bundle import Population

_LATERAL = frozenset({"LL", "RL", "LATERAL", "LLD", "RLD"})
_CHEST = frozenset({"CHEST", "THORAX", "LUNG", "PORT CHEST", "CHESTABD", "CHEST_TO_ABDOMEN"})


def label_at(p_pneumonia: float, point: OperatingPoint) -> str:
    """``"PNEUMONIA"`` if the probability reaches the operating point, else ``"NORMAL"``."""
    return PNEUMONIA if p_pneumonia >= point.threshold else NORMAL


def likelier_subtype(probabilities: Mapping[str, float], negative: str) -> str | None:
    """The most probable class apart from the negative one; None if there is only one such class."""
    others = [name for name in probabilities if name != negative]
    return max(others, key=probabilities.__getitem__) if len(others) > 1 else None


def warnings_for(
    facts: FilmFacts, population: Population, label: str, *, subtypes: bool = True
) -> tuple[str, ...]:
    """Sentences that a reader of this verdict should see.

    Args:
        facts: What the film says of itself.
        population: Whom the training films show.
        label: The verdict.
        subtypes: Whether the model names kinds of pneumonia.

    Header tags are hints only (in 1,885 real studies up to 70 % of the filled orientation tags
    were wrong), so they warn and never refuse.
    """
    found = []
    if population.age_years is not None and facts.age_years is not None:
        low, high = population.age_years
        # A child counts as five until the sixth birthday.
        if not low <= facts.age_years < high + 1:
            found.append(
                f"patient age {facts.age_years:.3g} years is outside the training population "
                f"({low:g} to {high:g} years)"
            )
    view = (facts.view_position or "").upper()
    if view in _LATERAL:
        found.append(f"the header says view {view}; the model knows frontal films only")
    elif view and population.views and view not in population.views:
        known = ", ".join(population.views)
        found.append(f"the header says view {view}; the training films are {known}")
    part = (facts.body_part or "").upper()
    if part and part not in _CHEST:
        found.append(f"the header says body part {part}, not chest")
    if facts.colour:
        found.append("the picture is in colour; is it a radiograph?")
    if label == PNEUMONIA and subtypes:
        found.append("bacterial or viral: in children a film alone cannot tell them apart")
    return tuple(found)
