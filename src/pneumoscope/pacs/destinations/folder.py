"""A folder as destination: one folder for each study, one file for each object."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope import files
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.errors import DiskFull
from pneumoscope.pacs.destinations.base import Check, SendsEachAlone
from pneumoscope.pacs.destinations.errors import DeliveryFailed

if TYPE_CHECKING:
    from pneumoscope.pacs.destinations.base import StoredFilm
    from pneumoscope.pacs.destinations.result_objects import ObjectMaker
    from pneumoscope.pacs.destinations.settings import FolderSettings

_UID = re.compile(r"\d+(\.\d+)+")


@dataclass(frozen=True, slots=True)
class Folder(SendsEachAlone):
    """Writes the objects of a result into files that are complete or not there.

    Attributes:
        settings: What the site has configured.
        maker: Makes the objects.
    """

    settings: FolderSettings
    maker: ObjectMaker

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.settings.name

    def send(self, film: StoredFilm) -> None:
        """Writes ``STUDY/FILM.KIND.dcm``, named by UIDs; equal files are replaced.

        Raises:
            DeliveryFailed: A file cannot be written, or an object cannot be made.
        """
        made = self.maker.objects(film, self.settings.objects, self.settings.fhir_version)
        header = self.maker.header(film)
        study = self.settings.folder / file_name(header.StudyInstanceUID)
        stem = file_name(header.SOPInstanceUID)
        try:
            for folder in (self.settings.folder, study):
                if not folder.is_dir():
                    folder.mkdir(exist_ok=True)
                    files.sync_folder(folder.parent)
            for item in made:
                with files.replacing(
                    study / f"{stem}.{item.kind}.{KINDS[item.kind].ending}"
                ) as file:
                    file.write(item.content)
        except DiskFull as error:
            raise DeliveryFailed(
                f"{self.name}: the disk or the quota is full", error.hint
            ) from error
        except OSError as error:
            raise DeliveryFailed(f"{self.name}: {files.cause(error)}", files.hint(error)) from error

    def prepare(self, film: StoredFilm) -> None:
        """Makes the objects of a result."""
        self.maker.objects(film, self.settings.objects, self.settings.fhir_version)

    def check(self) -> Check:
        """Whether files can be written there."""
        folder = self.settings.folder
        place = folder if folder.exists() else folder.parent
        if not place.is_dir():
            return Check(False, f"{place} is no folder", "Make it, or correct the path.")
        if not os.access(place, os.W_OK | os.X_OK):
            return Check(False, f"{place} cannot be written", files.hint(PermissionError(13, "")))
        return Check(True, f"{folder} can be written")


def file_name(uid: str) -> str:
    """The name of a file or folder for a UID; of one that is not well formed, its SHA-256.

    UIDs come from outside: ``..`` would be the folder above.
    """
    return uid if _UID.fullmatch(uid) else hashlib.sha256(uid.encode()).hexdigest()
