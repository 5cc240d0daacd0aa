"""Films from Orthanc, by its list of changes: each has a number, so that nothing is missed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pneumoscope.ai_results.film_result import MANUFACTURER
from pneumoscope.pacs.destinations.base import Check
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.http import ReachedByHttp, json_of, shown
from pneumoscope.pacs.pull.fetching import Fetching, TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumoscope.pacs.pull.cursor import CursorFile
    from pneumoscope.pacs.pull.postponed import Postponed
    from pneumoscope.pacs.pull.settings import PullSettings

_PAGE = 100
_JSON_BYTES = 8 * 1024 * 1024
_NEW = "NewInstance"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")
_MODALITY, _BODY_PART, _MANUFACTURER = "0008-0060", "0018-0015", "0008-0070"
_GONE = 404


@dataclass(frozen=True, slots=True)
class OrthancSource(ReachedByHttp):
    """Follows the changes of an Orthanc server.

    Attributes:
        settings: What the site has configured.
        cursor: Number of the last change that was dealt with.
        postponed: Instances that could not be fetched, by their ids in Orthanc.
    """

    settings: PullSettings
    cursor: CursorFile
    postponed: Postponed

    def poll(self, accept: Callable[[bytes], None]) -> int:
        """Fetches films that are new since the last time, see `Source.poll`."""
        since, done = int(self.cursor.load().get("since", 0)), False
        fetching = Fetching(self.postponed, self._film, lambda: self.check().ok, accept)
        while not done:
            page = self._json(f"/changes?since={since}&limit={_PAGE}")
            try:
                changes = [
                    (int(c["Seq"]), str(c["ChangeType"]), str(c["ID"])) for c in page["Changes"]
                ]
                done, last = bool(page["Done"]), int(page["Last"])
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise self._unexpected() from error
            numbers = [since, *(number for number, _, _ in changes)]
            if not (changes or done) or numbers != sorted(set(numbers)):
                raise self._unexpected()  # it would have no end
            for number, kind, id_ in changes:
                if kind == _NEW:
                    fetching.take(id_)
                since = number
                self.cursor.save({"since": since})
            # An Orthanc whose database was made anew begins to count from 1 again.
            if not changes and done and last < since:
                since, done = 0, last == 0
                self.cursor.save({"since": since})
        fetching.take_postponed()
        return fetching.accepted

    def check(self) -> Check:
        """Whether it answers, and is an Orthanc."""
        try:
            system = self._json("/system")
        except DeliveryFailed as error:
            return Check(False, error.message, error.hint)
        return Check(
            True, f"{self.service.where} is Orthanc {shown(system.get('Version', ''))}".strip()
        )

    def _film(self, id_: str) -> bytes | None:
        """The file of an instance; None if it is no film that is wanted, or was deleted since.

        Raises:
            DeliveryFailed: It cannot be fetched.
            TooLarge: It has too many bytes.
        """
        if not _ID.fullmatch(id_):
            raise self._unexpected()
        if not self._is_wanted(id_):
            return None
        try:
            answer = self.service.request(
                "GET", f"/instances/{id_}/file", limit_bytes=self.settings.film_bytes
            )
        except DeliveryFailed as error:
            if error.permanent:
                raise TooLarge from error
            raise
        if answer.status_code == _GONE:
            return None
        if answer.status_code != 200:
            raise self.service.refused(answer.status_code)
        return answer.content

    def _is_wanted(self, id_: str) -> bool:
        if self._tag(id_, _MODALITY) not in self.settings.modalities:
            return False
        # Otherwise results would be fetched as films, and get results.
        if self._tag(id_, _MANUFACTURER) == MANUFACTURER:
            return False
        parts = self.settings.body_parts
        return not parts or self._tag(id_, _BODY_PART) in parts

    def _tag(self, id_: str, tag: str) -> str:
        """The text of an element of an instance; empty without it."""
        answer = self.service.request(
            "GET", f"/instances/{id_}/content/{tag}", limit_bytes=_JSON_BYTES
        )
        if answer.status_code == _GONE:
            return ""
        if answer.status_code != 200:
            raise self.service.refused(answer.status_code)
        return answer.content.decode("latin-1").strip(" \0\r\n")

    def _json(self, path: str) -> dict[str, Any]:
        answer = self.service.request("GET", path, limit_bytes=_JSON_BYTES)
        if answer.status_code != 200:
            raise self.service.refused(answer.status_code)
        try:
            content = json_of(answer.content)
        except ValueError as error:
            raise self._unexpected() from error
        if not isinstance(content, dict):
            raise self._unexpected()
        return content

    def _unexpected(self) -> DeliveryFailed:
        return DeliveryFailed(
            f"{self.service.where} does not answer as Orthanc does",
            "Enter the URL of Orthanc's REST API, such as http://localhost:8042.",
        )
