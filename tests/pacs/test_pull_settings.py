"""Tables of sources."""

from __future__ import annotations

from typing import Any

import pytest

from pneumoscope.errors import UsageError
from pneumoscope.pacs.destinations.connection_settings import HttpSettings
from pneumoscope.pacs.pull.settings import PullSettings, parse

WEB = {"type": "dicomweb", "url": "https://pacs/dicom-web"}


def test_what_is_not_said_has_a_default() -> None:
    assert parse(WEB, "w") == PullSettings("w", "dicomweb", HttpSettings("https://pacs/dicom-web"))
    chosen = parse(WEB | {"modalities": ["CR"], "body_parts": ["CHEST"], "days": 7}, "w")
    assert (chosen.modalities, chosen.body_parts, chosen.days) == (("CR",), ("CHEST",), 7)
    assert parse(WEB | {"type": "orthanc", "film_mib": 1}, "o").film_bytes == 1024 * 1024


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (WEB | {"type": "dicomwep"}, "Did you mean dicomweb?"),
        (WEB | {"modality": ["CR"]}, "Did you mean modalities?"),
        (WEB | {"modalities": []}, "modalities must be a list of texts"),
        (WEB | {"modalities": "CR"}, "modalities must be a list of texts"),
        (WEB | {"days": -1}, "days must be between 0 and"),
        (WEB | {"type": "orthanc", "days": 3}, "unknown key days"),
        ({"type": "orthanc"}, "url is missing"),
    ],
)
def test_a_mistake_names_table_and_key(values: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(values, "source")
    assert caught.value.message.startswith("pull.source: ")
    assert said in f"{caught.value.message} {caught.value.hint}"
