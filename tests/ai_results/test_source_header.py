"""What the objects take over from the film's header."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from film_files import dicom, save, table, words
from pneumoscope.ai_results.errors import NoSourceObject
from pneumoscope.ai_results.source_header import source_header
from result_films import NAME, NUMBER, UIDS, film_bytes, grey_film


def test_patient_study_and_uids_are_taken_over() -> None:
    header = source_header(film_bytes(), "film")
    assert (str(header.PatientName), header.PatientID) == (NAME, NUMBER)
    assert {key: header[key].value for key in UIDS} == UIDS
    assert (header.StudyDate, header.AccessionNumber) == ("20260102", "A1")
    assert list(header.PatientOrientation) == ["L", "F"]
    assert (header.Rows, header.Columns) == (240, 260)
    assert "PixelData" not in header


@pytest.mark.filterwarnings("ignore:Invalid value for VR", "ignore:The value length")
def test_invalid_values_are_left_out_and_long_ones_cut() -> None:
    header = source_header(
        film_bytes(
            StudyDate="2026.1.2", StudyTime="10:11", PatientSex="female", StudyID="x" * 40,
            PatientAge="3 years", PatientOrientation=["left", "F"], Laterality="?",
            StudyDescription="y" * 200, AccessionNumber=None,
        ),
        "film",
    )  # fmt: skip
    for keyword in ("StudyDate", "StudyTime", "PatientSex", "AccessionNumber"):
        assert header[keyword].value == ""
    assert (len(header.StudyID), len(header.StudyDescription)) == (16, 64)
    assert not {"PatientAge", "PatientOrientation", "Laterality"} & set(header.dir())


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize(
    ("keyword", "value", "kept"),
    [
        ("StudyDate", "20261399", ""),
        ("StudyDate", "20260229", ""),
        ("StudyDate", "00000000", ""),
        ("StudyDate", "20240229", "20240229"),
        ("PatientBirthDate", "19560231", ""),
        ("StudyTime", "246000", ""),
        ("StudyTime", "236100", ""),
        ("StudyTime", "235960.5", "235960.5"),
    ],
)
def test_dates_and_times_exist(keyword: str, value: str, kept: str) -> None:
    assert source_header(film_bytes(**{keyword: value}), "film")[keyword].value == kept


def test_names_in_other_scripts_are_decoded() -> None:
    data = film_bytes(SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg")
    header = source_header(data, "film")
    assert (str(header.PatientName), header.SpecificCharacterSet) == ("Müller^Jörg", "ISO_IR 192")


def test_a_deidentified_film_stays_marked() -> None:
    data = film_bytes(PatientIdentityRemoved="YES", DeidentificationMethod="by hand")
    header = source_header(data, "film")
    assert (header.PatientIdentityRemoved, header.DeidentificationMethod) == ("YES", "by hand")


def test_codes_of_deidentification_are_taken_over_without_other_elements() -> None:
    code, empty = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113100", "DCM", "Basic"
    code.Rows, code.PatientComments, empty.CodeValue = 3, "SECRET", "1"
    elements = {
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": ["by hand", "twice"],
        "DeidentificationMethodCodeSequence": [code, empty],
    }
    header = source_header(film_bytes(**elements), "film")
    assert list(header.DeidentificationMethod) == ["by hand", "twice"]
    [item] = header.DeidentificationMethodCodeSequence
    assert item.dir() == ["CodeMeaning", "CodeValue", "CodingSchemeDesignator"]
    assert item.CodeValue == "113100"


def test_several_values_of_an_element_that_has_one_become_one_text() -> None:
    header = source_header(film_bytes(StudyDescription=["CHEST", "PA"], PatientID=["A", "B"]), "f")
    assert (header.StudyDescription, header.PatientID) == ("CHEST PA", "A B")


def test_only_sound_windows_and_tables_are_taken_over() -> None:
    header = source_header(film_bytes(WindowCenter=[100, 90], WindowWidth=[0.5, 10]), "film")
    assert "WindowCenter" not in header
    header = source_header(film_bytes(WindowCenter=[100, 90], WindowWidth=[50, 10]), "film")
    assert (header.WindowCenter, header.WindowWidth) == (100, 50)
    good, bad = table([4, 0, 16], words(0, 1, 2, 3)), table([9, 0, 16], words(0, 1))
    assert "VOILUTSequence" in source_header(film_bytes(VOILUTSequence=[good]), "film")
    assert "VOILUTSequence" not in source_header(film_bytes(VOILUTSequence=[bad]), "film")
    header = source_header(film_bytes(RescaleSlope=2, RescaleIntercept=-1), "film")
    assert (header.RescaleSlope, header.RescaleType) == (2, "US")


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID"])
def test_a_film_without_uid_says_which(keyword: str) -> None:
    with pytest.raises(NoSourceObject, match=r"has no (Study|Series|SOP)") as caught:
        source_header(film_bytes(**{keyword: None}), "film.dcm")
    assert "archive exported it" in caught.value.hint


def test_a_raster_film_says_what_it_needs() -> None:
    with pytest.raises(NoSourceObject, match=r"a\.png: not a DICOM film"):
        source_header(save(grey_film(200), "PNG"), "a.png")


def test_other_data_is_no_dicom_film() -> None:
    data = dicom(grey_film(9), **UIDS)
    assert isinstance(source_header(data, "x"), Dataset)
    with pytest.raises(NoSourceObject):
        source_header(b"hello" * 100, "x")


def test_a_result_is_no_film_to_report_on() -> None:
    with pytest.raises(NoSourceObject, match="itself a result"):
        source_header(film_bytes(Manufacturer="pneumoscope"), "x")
