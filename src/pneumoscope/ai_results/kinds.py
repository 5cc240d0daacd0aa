"""The kinds of objects of a result, by the names that people choose them by. Loads no library."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

DICOM, FHIR = "dcm", "json"
"""Endings of files."""


class Kind(NamedTuple):
    """A kind of object.

    Attributes:
        title: What it is.
        content: What it says.
        sop_class_uid: Its SOP class (PS3.4 B.5); empty for FHIR.
        ending: Ending of its file, without a full stop.
    """

    title: str
    content: str
    sop_class_uid: str
    ending: str = DICOM


KINDS = {
    "sr": Kind(
        "Comprehensive 3D SR, TID 1500 with TID 4019",
        "verdict, probabilities, coded reasons, outlines of the hot regions",
        "1.2.840.10008.5.1.4.1.1.88.34",
    ),
    "sc": Kind(
        "Secondary Capture",
        "the film with its heatmap, verdict and notice burned in",
        "1.2.840.10008.5.1.4.1.1.7",
    ),
    "seg": Kind(
        "Segmentation, fractional", "the heat of each pixel", "1.2.840.10008.5.1.4.1.1.66.4"
    ),
    "gsps": Kind(
        "Grayscale Softcopy Presentation State",
        "outlines and verdict over the film",
        "1.2.840.10008.5.1.4.1.1.11.1",
    ),
    "pdf": Kind("Encapsulated PDF", "the report for people", "1.2.840.10008.5.1.4.1.1.104.1"),
    "fhir": Kind(
        "FHIR DiagnosticReport with Observations", "the verdict for a record system", "", FHIR
    ),
}
"""In the order in which they are made."""
PICTURES = ("sc", "seg", "gsps")
"""Kinds that show where the model looked, and so need a verdict."""
DEFAULT = ("sr", "sc", "seg", "pdf", "fhir")
"""Made if nobody chooses."""
EVERY = "all"
"""Stands for every kind."""
KNOWN = f"Choose among {', '.join(KINDS)} and {EVERY}."
"""Hint of an error about a kind."""


def chosen_kinds(values: Iterable[str], option: str) -> tuple[str, ...]:
    """The kinds that an option names, in the order of `KINDS`; none if it names none.

    Args:
        values: Each one kind, or several separated by commas.
        option: Name of the option or variable, for errors.

    Raises:
        UsageError: There is no such kind.
    """
    names = [name.strip().lower() for value in values for name in value.split(",") if name.strip()]
    for name in names:
        if name != EVERY and name not in KINDS:
            raise UsageError(f"{option} {name}: there is no such kind of object", KNOWN)
    return tuple(kind for kind in KINDS if EVERY in names or kind in names)
