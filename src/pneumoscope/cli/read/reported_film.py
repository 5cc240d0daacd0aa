"""Reads a DICOM film and writes the objects of its result, all of them or none."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumoscope import files, images
from pneumoscope.ai_results.film_result import FilmResult
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.ai_results.objects import objects_of
from pneumoscope.ai_results.source_header import source_header
from pneumoscope.errors import UsageError
from pneumoscope.render import wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.ai_results.objects import ResultObject
    from pneumoscope.images import ListedFilm
    from pneumoscope.runtime import Reader


@dataclass(frozen=True, slots=True)
class WrittenObject:
    """A file that was written, and the object in it."""

    kind: str
    path: Path
    sop_class_uid: str
    sop_instance_uid: str

    def as_dict(self) -> dict[str, str]:
        """For JSON; FHIR has no UIDs."""
        uids = {"sop_class_uid": self.sop_class_uid, "sop_instance_uid": self.sop_instance_uid}
        known = {key: uid for key, uid in uids.items() if uid}
        return {"kind": self.kind, "file": str(self.path), **known}


@dataclass(frozen=True, slots=True)
class ReportedFilm:
    """What was written for a film.

    Attributes:
        source: The film's file.
        label: Its label.
        verdict: The verdict in words.
        bundle: Name and version of the bundle.
        bundle_sha256: Its SHA-256.
        written: The files.
        not_made: Kind of object to why it was not made.
    """

    source: str
    label: str
    verdict: str
    bundle: str
    bundle_sha256: str
    written: tuple[WrittenObject, ...]
    not_made: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "source": self.source,
            "label": self.label,
            "bundle": self.bundle,
            "bundle_sha256": self.bundle_sha256,
            "objects": [written.as_dict() for written in self.written],
            "not_made": self.not_made,
        }


@dataclass(frozen=True, slots=True)
class Reporter:
    """Reports films into a folder.

    Attributes:
        reader: Reads the films.
        folder: Where the files go; it exists.
        kinds: Kinds of objects.
        fhir_version: Version of FHIR.
        taken: Beginnings of the file names of this run.
    """

    reader: Reader
    folder: Path
    kinds: Sequence[str]
    fhir_version: str
    taken: set[str] = field(default_factory=set)

    def report(self, source: Path | ListedFilm) -> ReportedFilm:
        """Reads a film and writes its objects.

        Raises:
            ImageError: The film cannot be read, or has no header to refer to.
            UsageError: A file of that name exists.
            DiskFull: The objects do not fit; none of them is left.
        """
        name = images.name_of(source)
        targets = self._targets(source)
        data = images.load_bytes(source, name)
        header = source_header(data, name)
        item = self.reader.prepare(data, keep=True, name=name)
        [prediction] = self.reader.judge([item])
        bundle = next(b for b in self.reader.bundles if b.sha256 == prediction.bundle_sha256)
        if item.film is None:
            raise ValueError("the film was not kept")
        result = FilmResult(
            name=name,
            header=header,
            film=item.film,
            prediction=prediction,
            bundle=bundle,
            created=datetime.now(UTC).replace(microsecond=0),
        )
        objects = list(objects_of(result, self.kinds, fhir_version=self.fhir_version))
        made = [(made, targets[made.kind]) for made in objects if not made.not_made]
        _write(made)
        return ReportedFilm(
            source=name,
            label=prediction.label,
            verdict=wording.short(prediction),
            bundle=bundle.title,
            bundle_sha256=bundle.sha256,
            written=tuple(
                WrittenObject(made.kind, path, made.sop_class_uid, made.sop_instance_uid)
                for made, path in made
            ),
            not_made={made.kind: made.not_made for made in objects if made.not_made},
        )

    def _targets(self, source: Path | ListedFilm) -> dict[str, Path]:
        """Where each kind of object goes; refuses to replace a file."""
        path = Path(source)
        stem = base = path.stem if path.suffix.lower() in (".dcm", ".dicom") else path.name
        number = 1
        while stem in self.taken:
            number += 1
            stem = f"{base}-{number}"
        self.taken.add(stem)
        targets = {kind: self.folder / f"{stem}.{kind}.{KINDS[kind].ending}" for kind in self.kinds}
        for target in targets.values():
            if target.exists():
                raise UsageError(
                    f"{target}: exists, and is not replaced",
                    "Name another folder with --out, or move the file away.",
                )
        return targets


def _write(made: Sequence[tuple[ResultObject, Path]]) -> None:
    """Writes all files, or none."""
    written: list[Path] = []
    try:
        for content, path in made:
            with files.replacing(path) as stream:
                stream.write(content.content)
            written.append(path)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
