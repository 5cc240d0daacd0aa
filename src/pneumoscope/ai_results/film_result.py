"""What all objects of a result are made from, and who made them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import pneumoscope
from pneumoscope.records import REFUSED
from pneumoscope.render import wording
from pneumoscope.render.heatmap import enlarge

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from pneumoscope.bundle import Bundle
    from pneumoscope.records import Prediction, Radiograph

BURNED_IN = "AI - not for diagnosis"
"""On every picture."""
MANUFACTURER = "pneumoscope"
# The root of names of pneumoscope's UIDs; any constant would do, but it must not change.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_OID, "pneumoscope.ai-results")


@dataclass(frozen=True, slots=True, eq=False)
class FilmResult:
    """One film of an archive, and what a bundle said about it.

    Attributes:
        name: What to call the film in messages.
        header: `source_header.source_header` of the film.
        film: The decoded film, at full size.
        prediction: What the bundle said.
        bundle: The bundle.
        created: When it was said, with a time zone. The UIDs of the objects depend on it: the same
            result gives the same objects, a later one gives new ones.
    """

    name: str
    header: Dataset
    film: Radiograph
    prediction: Prediction
    bundle: Bundle
    created: datetime
    _heats: dict[tuple[int, int], NDArray[np.float32]] = field(
        default_factory=dict, init=False, repr=False
    )

    def heat(self, rows: int, columns: int) -> NDArray[np.float32]:
        """The heatmap as `heatmap.enlarge` gives it; made once for all objects of this size.

        Args:
            rows: Wanted height in pixels.
            columns: Wanted width in pixels.

        Raises:
            ValueError: The result has no heatmap.
        """
        if self.prediction.heatmap is None:
            raise ValueError("the result has no heatmap")
        size = rows, columns
        if size not in self._heats:
            self._heats[size] = enlarge(self.prediction.heatmap, rows, columns)
        return self._heats[size]

    @property
    def local(self) -> datetime:
        """``created`` in the time zone of the film's header, or in that of this computer.

        Times of a DICOM object are local ones, those that it takes over from the film among them.
        """
        zone = self.header.get("TimezoneOffsetFromUTC")
        return self.created.astimezone(datetime.strptime(zone, "%z").tzinfo if zone else None)

    @property
    def is_refused(self) -> bool:
        """Whether the gate refused the film, so that there is no verdict."""
        return self.prediction.label == REFUSED

    @property
    def why_no_heatmap(self) -> str:
        """Why there is no heatmap to draw, without a full stop; empty if there is one."""
        return wording.no_heatmap(self.prediction).rstrip(".")

    @property
    def model_name(self) -> str:
        """Name of the model, for Manufacturer's Model Name (VR LO)."""
        return f"pneumoscope {self.bundle.title}"[:64]

    @property
    def software_versions(self) -> tuple[str, str]:
        """Version of the package, and name and version of the bundle."""
        return f"pneumoscope {pneumoscope.__version__}", f"bundle {self.bundle.title}"[:64]

    @property
    def device_uid(self) -> str:
        """Device UID: another one for every trained or calibrated bundle."""
        return name_based_uid("device", self.bundle.sha256)

    def uid(self, *what: str) -> str:
        """The UID of a part of this result, such as ``"sr"``, ``"series"``."""
        # The film and the bundle alone would not do: settings may differ between two results.
        when = self.created.isoformat()
        return name_based_uid(self.header.SOPInstanceUID, self.bundle.sha256, when, *what)


def name_based_uid(*parts: str) -> str:
    """A UID from a UUID (PS3.5 B.2) that equal parts give again."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, chr(0).join(parts)).int}"
