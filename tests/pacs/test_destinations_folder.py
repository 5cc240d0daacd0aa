"""A folder as destination."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from pydicom import dcmread

from archives import maker_of, stored_film
from pneumoscope.bundle import Bundle
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.folder import Folder, file_name
from pneumoscope.pacs.destinations.settings import FolderSettings
from result_films import NAME, UIDS


def folder_of(path: Path, bundle: Bundle, *objects: str) -> Folder:
    return Folder(FolderSettings("results", path, objects), maker_of(bundle))


def test_files_lie_in_a_folder_of_their_study(tiny_bundle: Bundle, tmp_path: Path) -> None:
    destination = folder_of(tmp_path / "out", tiny_bundle, "sr", "fhir")
    assert destination.check().ok
    destination.send(stored_film(tiny_bundle))
    study = tmp_path / "out" / UIDS["StudyInstanceUID"]
    names = [f"{UIDS['SOPInstanceUID']}.{ending}" for ending in ("fhir.json", "sr.dcm")]
    assert sorted(path.name for path in study.iterdir()) == names
    first = (study / names[1]).read_bytes()
    destination.send(stored_film(tiny_bundle))
    assert (study / names[1]).read_bytes() == first
    assert dcmread(study / names[1]).StudyInstanceUID == UIDS["StudyInstanceUID"]


@pytest.mark.parametrize("uid", ["..", "1.2/../../x", "", "1..2", ".", "1"])
def test_a_uid_from_outside_is_no_path(uid: str) -> None:
    assert file_name(uid) == hashlib.sha256(uid.encode()).hexdigest()
    assert file_name("1.2.3") == "1.2.3"


def test_what_cannot_be_written_says_why(tiny_bundle: Bundle, tmp_path: Path) -> None:
    missing = folder_of(tmp_path / "a" / "b", tiny_bundle, "sr")
    assert not missing.check().ok
    with pytest.raises(DeliveryFailed, match="no such file") as caught:
        missing.send(stored_film(tiny_bundle))
    assert not caught.value.permanent
    if os.geteuid():
        tmp_path.chmod(0o500)
        assert "cannot be written" in folder_of(tmp_path, tiny_bundle, "sr").check().text


def test_a_film_that_is_no_dicom_has_no_study(tiny_bundle: Bundle, tmp_path: Path) -> None:
    film = stored_film(tiny_bundle, StudyInstanceUID="")
    with pytest.raises(DeliveryFailed) as caught:
        folder_of(tmp_path, tiny_bundle, "sr").send(film)
    assert caught.value.permanent
    assert NAME not in caught.value.message
