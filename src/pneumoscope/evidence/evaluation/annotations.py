"""Lung masks and readers' boxes that are kept beside the films, not in their manifest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pneumoscope.data.boxes import read_rsna
from pneumoscope.data.film_files import stem_of
from pneumoscope.data.masks import with_masks
from pneumoscope.data.public_sets.nih import has_nih_boxes, read_nih_boxes
from pneumoscope.data.public_sets.vindr_boxes import has_vindr_boxes, read_vindr_boxes
from pneumoscope.data.table_files import read_header
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.data.listing import Listing


@dataclass(frozen=True, slots=True)
class Annotations:
    """Where they are.

    Attributes:
        masks: Folders of lung masks, see `data.masks.with_masks`.
        boxes: A table like RSNA's ``stage_2_train_labels.csv``, see `data.boxes.read_rsna`, like those
            of VinDr, see `read_vindr_boxes`, or like NIH's, see `read_nih_boxes`; or None.
    """

    masks: tuple[Path, ...] = ()
    boxes: Path | None = None

    def added_to(self, listing: Listing) -> Listing:
        """The films with their masks and boxes; those that a manifest gives stay.

        Raises:
            DataError: A folder or table cannot be read, or is of other films.
        """
        listing = with_masks(listing, self.masks)
        if self.boxes is None:
            return listing
        header = read_header(self.boxes)
        if has_vindr_boxes(header):
            films = {stem_of(entry.path.name): entry.path for entry in listing.entries}
            boxes = read_vindr_boxes(self.boxes, films)
        elif has_nih_boxes(header):
            boxes = read_nih_boxes(self.boxes)
        else:
            boxes = read_rsna(self.boxes)
        entries = tuple(
            replace(entry, boxes=boxes[name])
            if entry.boxes is None and (name := stem_of(entry.path.name)) in boxes
            else entry
            for entry in listing.entries
        )
        if entries == listing.entries:
            raise DataError(
                f"{self.boxes}: has no boxes of these films",
                "The column patientId, image_id or Image Index is a film's file name without its ending.",
            )
        return replace(listing, entries=entries)


NO_ANNOTATIONS = Annotations()
