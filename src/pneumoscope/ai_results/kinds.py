"""The kinds of objects of a result, by the names that people choose them by. Loads no library."""

from __future__ import annotations

from typing import NamedTuple

DICOM, FHIR = "dcm", "json"
"""Endings of files."""


class Kind(NamedTuple):
    """A kind of object.

    Attributes:
        title: What it is.
        content: What it says.
        ending: Ending of its file, without a full stop.
    """

    title: str
    content: str
    ending: str = DICOM


KINDS = {
    "sr": Kind(
        "Comprehensive 3D SR, TID 1500 with TID 4019",
        "verdict, probabilities, coded reasons, outlines of the hot regions",
    ),
    "sc": Kind("Secondary Capture", "the film with its heatmap, verdict and notice burned in"),
    "seg": Kind("Segmentation, fractional", "the heat of each pixel"),
    "gsps": Kind("Grayscale Softcopy Presentation State", "outlines and verdict over the film"),
    "pdf": Kind("Encapsulated PDF", "the report for people"),
    "fhir": Kind(
        "FHIR DiagnosticReport with Observations", "the verdict for a record system", FHIR
    ),
}
"""In the order in which they are made."""
DEFAULT = ("sr", "sc", "seg", "pdf", "fhir")
"""Made if nobody chooses."""
EVERY = "all"
"""Stands for every kind."""
