"""Films from a DICOMweb server: searched for by QIDO-RS, fetched by WADO-RS (DICOM PS3.18)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pneumoscope.pacs.destinations.base import Check
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.http import ReachedByHttp, json_of
from pneumoscope.pacs.pull.fetching import Fetching, TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pneumoscope.pacs.pull.cursor import CursorFile
    from pneumoscope.pacs.pull.postponed import Postponed
    from pneumoscope.pacs.pull.settings import PullSettings

_PAGE = 100
_JSON_BYTES = 32 * 1024 * 1024
_STUDY, _SERIES, _INSTANCE = "0020000D", "0020000E", "00080018"
_COUNT = "00201209"
"""Number of Series Related Instances."""
_MOST_ITEMS = 100_000
"""Of a search: with a server that ignores ``offset``, or is hostile, it would never end."""
_LISTED_AGAIN = 25
"""Series whose number of instances has not changed, and that a poll lists nevertheless: an instance may
have taken the place of another one. All of them in each poll would be a burden for an archive."""
_NUMBER = re.compile(r"[0-9]{1,9}")
_UID = re.compile(r"[0-9.]{1,64}")
_GONE = (404, 410)
_JSON = {"Accept": "application/dicom+json"}
_FILM = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
"""In the transfer syntax that the server has: nothing is encoded anew."""


@dataclass(frozen=True, slots=True)
class DicomWebSource(ReachedByHttp):
    """Searches the series of the last days, and fetches the instances that it has not seen.

    Attributes:
        settings: What the site has configured.
        cursor: Hashes of the instances that were there, by hash of their series; the series that was
            not listed for longest is the first.
        postponed: Instances that could not be fetched, by their paths.
    """

    settings: PullSettings
    cursor: CursorFile
    postponed: Postponed

    def poll(self, accept: Callable[[bytes], None]) -> int:
        """Fetches films that are new since the last time, see `Source.poll`."""
        former: dict[str, list[str]] = self.cursor.load()
        series, failure = self._series_by_hash()
        gone = {} if failure is None else former  # a search that failed says nothing of the others
        unchanged = [key for key, known in former.items() if _count(series, key) == len(known)]
        # Those that were not listed for longest come first, so those of this poll go to the end.
        rested = {key: former[key] for key in unchanged[_LISTED_AGAIN:]}
        seen = dict(rested)
        fetching = Fetching(self.postponed, self._film, lambda: self.check().ok, accept)
        for key, (study, uid, _) in series.items():
            if key in rested:
                continue
            seen[key] = former.get(key, [])
            path = f"/studies/{study}/series/{uid}/instances"
            try:
                uids = [_uid(item, _INSTANCE) for item in self._search(path, {})]
            except DeliveryFailed as error:
                if not self.check().ok:
                    raise
                failure = error  # of this series: the others come first
                continue
            if not all(uids):
                failure = self._unexpected()
            hashes = {_hash(uid): uid for uid in uids if uid}
            # Without those that were deleted: one in place of another must not give the same number.
            seen[key] = [name for name in seen[key] if name in hashes]
            for name in [name for name in hashes if name not in seen[key]]:
                fetching.take(f"{path}/{hashes[name]}")
                seen[key].append(name)
                self.cursor.save(former | seen)
        # Series that are too old to be found again are forgotten.
        seen = gone | seen
        if seen != former or rested:
            self.cursor.save(seen)
        fetching.take_postponed()
        if failure is not None:
            raise failure
        return fetching.accepted

    def _series_by_hash(
        self,
    ) -> tuple[dict[str, tuple[str, str, int | None]], DeliveryFailed | None]:
        """What `_series` gives, and why there may be more series."""
        series: dict[str, tuple[str, str, int | None]] = {}
        failure = None
        try:
            for study, uid, count in self._series():
                if study and uid:
                    series[_hash(uid)] = study, uid, count
                else:
                    failure = self._unexpected()
        except DeliveryFailed as error:
            failure = error
        return series, failure

    def check(self) -> Check:
        """Whether it answers a search."""
        try:
            next(self._search("/series", {"limit": "1"}), None)
        except DeliveryFailed as error:
            return Check(False, error.message, error.hint)
        return Check(True, f"{self.service.where} answers a search (QIDO-RS)")

    def _series(self) -> Iterator[tuple[str, str, int | None]]:
        """Study, series and number of instances, if the server says it, of the last days.

        UIDs that are malformed are empty.
        """
        oldest = datetime.now().astimezone() - timedelta(days=self.settings.days)
        for modality in self.settings.modalities:
            for part in self.settings.body_parts or ("",):
                filters = {"Modality": modality, "StudyDate": f"{oldest:%Y%m%d}-"}
                if part:
                    filters["BodyPartExamined"] = part
                items = list(self._search("/series", filters | {"includefield": _COUNT}))
                series = [(_uid(item, _STUDY), _uid(item, _SERIES)) for item in items]
                if items and not any(all(pair) for pair in series):
                    raise self._unexpected()
                for item, pair in zip(items, series, strict=True):
                    counts = _values(item, _COUNT)
                    count = int(counts[0]) if counts and _NUMBER.fullmatch(str(counts[0])) else None
                    yield *pair, count

    def _search(self, path: str, filters: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Every item that a search finds, page by page."""
        offset, former = 0, b""
        while offset < _MOST_ITEMS:
            query = {"limit": str(_PAGE), "offset": str(offset)} | filters
            answer = self.service.request(
                "GET", f"{path}?{urlencode(query)}", headers=_JSON, limit_bytes=_JSON_BYTES
            )
            if answer.status_code == 204:
                return
            if answer.status_code != 200:
                raise self.service.refused(answer.status_code)
            try:
                items = json_of(answer.content)
            except ValueError as error:
                raise self._unexpected() from error
            if not isinstance(items, list) or (items and answer.content == former):
                raise self._unexpected()
            yield from items
            if len(items) < int(query["limit"]):
                return
            offset, former = offset + len(items), answer.content
        raise DeliveryFailed(
            f"{self.service.where} finds more than {_MOST_ITEMS:,} objects",
            "Search fewer days, or name modalities and body parts.",
        )

    def _film(self, path: str) -> bytes | None:
        """The file of an instance; None if it was deleted since.

        Raises:
            DeliveryFailed: It cannot be fetched.
            TooLarge: It has too many bytes.
        """
        try:
            answer = self.service.request(
                "GET", path, headers=_FILM, limit_bytes=self.settings.film_bytes
            )
        except DeliveryFailed as error:
            if error.permanent:
                raise TooLarge from error
            raise
        if answer.status_code in _GONE:
            return None
        if answer.status_code != 200:
            raise self.service.refused(answer.status_code)
        film = first_part(answer.content_type, answer.content)
        if film is None:
            raise self._unexpected()
        return film

    def _unexpected(self) -> DeliveryFailed:
        return DeliveryFailed(
            f"{self.service.where} does not answer as DICOMweb servers do",
            "Enter the URL that /studies follows, such as http://localhost:8042/dicom-web.",
        )


def first_part(content_type: str, body: bytes) -> bytes | None:
    """The first part of a ``multipart/related`` body (RFC 2046); None if there is none.

    Parsing the film itself is left to a decoder in a child process.
    """
    match = re.search(r'boundary="?([^";,]+)"?', content_type)
    if match is None or not content_type.startswith("multipart/related"):
        return None
    boundary = b"--" + match[1].strip().encode()
    head = body.find(boundary)
    start = body.find(b"\r\n\r\n", head)
    end = body.find(b"\r\n" + boundary, start)
    return None if -1 in (head, start, end) else body[start + 4 : end]


def _count(series: dict[str, tuple[str, str, int | None]], key: str) -> int | None:
    """The number of instances of a series, if the server says it."""
    return series[key][2] if key in series else None


def _uid(item: dict[str, Any], tag: str) -> str:
    """The UID in an element; empty if there is none, or it is malformed."""
    values = _values(item, tag)
    return str(values[0]) if values and _UID.fullmatch(str(values[0])) else ""


def _values(item: dict[str, Any], tag: str) -> list[Any]:
    element = item.get(tag) if isinstance(item, dict) else None
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _hash(uid: str) -> str:
    """A short name of a UID: the cursor need not say which studies a hospital has."""
    return hashlib.sha256(uid.encode()).hexdigest()[:24]
