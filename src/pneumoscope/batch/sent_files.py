"""The files that go with a job to machines that do not have them: a bundle of one's own, a site profile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pneumoscope.bundle.names import BUNDLES, folder_of

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.batch.job import ReadJob


@dataclass(frozen=True, slots=True)
class SentFiles:
    """The content of files.

    Attributes:
        bundle: Name of the bundle's folder; ``""`` if the bundle is part of the package.
        bundle_files: Name of each of its files to the content.
        profile: Name of the site profile's file; ``""`` without one.
        profile_content: Its content.
    """

    bundle: str
    bundle_files: dict[str, bytes]
    profile: str
    profile_content: bytes

    @classmethod
    def of(cls, job: ReadJob) -> SentFiles:
        """What other machines need for a job.

        Raises:
            BundleError: There is no such bundle.
            OSError: A file cannot be read.
        """
        folder = None if job.bundle is None else folder_of(job.bundle).resolve()
        if folder is not None and folder.parent == BUNDLES.resolve():
            folder = None
        files = [] if folder is None else [path for path in folder.iterdir() if path.is_file()]
        profile = job.settings.profile
        return cls(
            bundle="" if folder is None else folder.name,
            bundle_files={path.name: path.read_bytes() for path in files},
            profile="" if profile is None else profile.name,
            profile_content=b"" if profile is None else profile.read_bytes(),
        )

    def written(self, folder: Path, job: ReadJob) -> ReadJob:
        """Writes the files into an empty folder; the job with their paths there."""
        if self.bundle:
            place = folder / "bundle" / self.bundle
            place.mkdir(parents=True)
            for name, content in self.bundle_files.items():
                (place / name).write_bytes(content)
            job = replace(job, bundle=place)
        if self.profile:
            path = folder / self.profile
            path.write_bytes(self.profile_content)
            job = replace(job, settings=replace(job.settings, profile=path))
        return job
