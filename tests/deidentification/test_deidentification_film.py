"""Nothing of the patient is left, and what is needed stays."""

from __future__ import annotations

import io
from datetime import date

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from film_files import CR, DX, dataset, dicom, jpeg_ls, table, words, write
from planted import SECRET, film_pixels, planted_film, text_keywords
from pneumoscope import images
from pneumoscope.deidentification.film import (
    RETAINABLE,
    BurnedInText,
    Options,
    deidentified,
)
from pneumoscope.deidentification.keys import Key
from pneumoscope.deidentification.safe_values import DESCRIPTORS, DEVICE, SAFE
from pneumoscope.errors import UnreadableImage, UnsupportedObject

KEY = Key(bytes(range(32)))


def cleaned(data: bytes, *retain: str, key: Key = KEY, burned_in: str = "refuse") -> Dataset:
    film = deidentified(data, "film", key, Options(retain, burned_in))
    return dcmread(io.BytesIO(film.content))


@pytest.mark.filterwarnings("ignore:Invalid value for VR", "ignore:The value length")
@pytest.mark.parametrize("retain", [(), ("dates", "characteristics", "descriptors")])
def test_no_planted_secret_is_left(retain: tuple[str, ...]) -> None:
    data = planted_film()
    assert len(text_keywords()) > 1000
    assert data.count(SECRET.encode()) > len(text_keywords())
    film = deidentified(data, "film", KEY, Options(retain))
    assert SECRET.encode() not in film.content
    assert SECRET.lower() not in repr(film.actions).lower()
    for old in (b"19561231", b"20260102", b"1.2.3.5", b"1.2.3.6", b"1.2.3.4"):
        assert old not in film.content
    assert b"069Y" in film.content if "characteristics" in retain else b"069Y" not in film.content


def test_the_pixels_are_the_same_and_the_film_reads_alike() -> None:
    data = dicom(film_pixels().astype(np.uint16) * 16, BitsStored=12, HighBit=11,
                 PhotometricInterpretation="MONOCHROME1", WindowCenter=2000, WindowWidth=3000)  # fmt: skip
    film = deidentified(data, "film", KEY)
    assert np.array_equal(images.read(film.content).pixels, images.read(data).pixels)
    made = dcmread(io.BytesIO(film.content))
    assert (made.BitsStored, made.PhotometricInterpretation) == (12, "MONOCHROME1")


def test_a_comment_within_the_coded_pixels_is_gone() -> None:
    from film_files import JLS, wrap

    stream = jpeg_ls(film_pixels())
    comment = b"\xff\xfe" + (len(SECRET) + 2).to_bytes(2, "big") + SECRET.encode()
    data = wrap(dataset(film_pixels()), stream[:2] + comment + stream[2:], JLS)
    assert SECRET.encode() in data
    made = deidentified(data, "film", KEY)
    assert SECRET.encode() not in made.content
    assert np.array_equal(dcmread(io.BytesIO(made.content)).pixel_array, film_pixels())


def test_lookup_tables_stay_without_their_text() -> None:
    entries = table([256, 0, 16], words(*(n * n for n in range(256))))
    entries.LUTExplanation = SECRET
    data = dicom(film_pixels(), VOILUTSequence=[entries])
    film = deidentified(data, "film", KEY)
    assert SECRET.encode() not in film.content
    assert np.array_equal(images.read(film.content).pixels, images.read(data).pixels)


def test_a_table_of_one_entry_does_not_stop_the_film() -> None:
    entries = Dataset()
    entries.add_new("LUTDescriptor", "US", [256, 0, 16])
    entries.add_new("LUTData", "US", 7)  # pydicom gives an integer, not a list
    assert "VOILUTSequence" not in cleaned(dicom(film_pixels(), VOILUTSequence=[entries]))
    entries.LUTDescriptor, entries["LUTData"].value = 256, list(range(256))
    assert "VOILUTSequence" not in cleaned(dicom(film_pixels(), VOILUTSequence=[entries]))


def test_what_pydicom_cannot_read_is_an_error_of_the_film() -> None:
    class BrokenKey(Key):
        def patient(self, identity: str) -> str:
            raise KeyError(identity)  # stands for any of pydicom's errors

    with pytest.raises(UnreadableImage, match="its header cannot be read, KeyError"):
        cleaned(dicom(film_pixels()), key=BrokenKey(bytes(32)))


def test_films_without_uid_stay_apart() -> None:
    films = [dicom(film_pixels() + n, SOPInstanceUID=None) for n in (0, 0, 1)]
    first, again, other = (cleaned(film) for film in films)
    assert first.PatientID == other.PatientID
    assert first.StudyInstanceUID == other.StudyInstanceUID
    assert first.SOPInstanceUID == again.SOPInstanceUID != other.SOPInstanceUID


def test_a_digital_film_has_an_image_type() -> None:
    digital = {"SOPClassUID": DX, "Modality": "DX"}
    for image_type, kept in (
        (["ORIGINAL", "PRIMARY", SECRET], ["ORIGINAL", "PRIMARY"]),
        ([SECRET, "PRIMARY"], ["DERIVED", "PRIMARY"]),
        ([], ["DERIVED", "PRIMARY"]),
    ):
        made = cleaned(dicom(film_pixels(), ImageType=image_type, **digital))
        assert list(made.ImageType) == kept
    film = deidentified(
        dicom(film_pixels(), ImageType=["DERIVED", "PRIMARY", "POST_PROCESSED"]), "film", KEY
    )
    assert ("(0008,0008)", "ImageType", "cleaned") in film.actions


def test_it_says_what_was_done() -> None:
    made = cleaned(dicom(film_pixels()), "dates", "device")
    assert (made.PatientIdentityRemoved, made.BurnedInAnnotation) == ("YES", "NO")
    codes = [item.CodeValue for item in made.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113107", "113109"]
    assert made.LongitudinalTemporalInformationModified == "MODIFIED"
    assert cleaned(dicom(film_pixels())).LongitudinalTemporalInformationModified == "REMOVED"


def test_a_person_stays_one_person() -> None:
    first = dataset(film_pixels(), PatientID="17", StudyInstanceUID="1.9.1", StudyDate="20260110")
    second = dataset(film_pixels(), PatientID=" 17", StudyInstanceUID="1.9.1", StudyDate="20260117")
    second.SOPInstanceUID = "1.2.3.44"
    other = dataset(film_pixels(), PatientID="18", StudyDate="20260117")
    a, b, c = (cleaned(write(ds), "dates") for ds in (first, second, other))
    assert a.PatientID == b.PatientID != c.PatientID
    assert a.StudyInstanceUID == b.StudyInstanceUID
    assert a.SOPInstanceUID != b.SOPInstanceUID
    between = date.fromisoformat(b.StudyDate) - date.fromisoformat(a.StudyDate)
    assert between.days == 7
    assert a.StudyDate < "20260110"


def test_another_key_gives_other_names() -> None:
    data = dicom(film_pixels())
    first, second = (cleaned(data, key=Key(bytes([n] * 32))) for n in (1, 2))
    assert first.PatientID != second.PatientID
    assert first.SOPInstanceUID != second.SOPInstanceUID


@pytest.mark.parametrize(
    ("elements", "same"),
    [({"PatientID": None}, True), ({"PatientID": None, "PatientName": None}, False)],
)
def test_without_a_number_the_name_counts(elements: dict[str, None], same: bool) -> None:
    first, second = (cleaned(dicom(film_pixels() + n, **elements)).PatientID for n in (0, 1))
    assert (first == second) is same


def test_kept_on_request() -> None:
    data = dicom(
        film_pixels(), Manufacturer="ACME", PatientSex="F", PatientAge="093Y",
        StudyDescription="Chest PA Mr Miller", ViewPosition="PA", BodyPartExamined="CHEST",
    )  # fmt: skip
    made = cleaned(data, *RETAINABLE)
    assert (made.Manufacturer, made.PatientSex, made.PatientAge) == ("ACME", "F", "090Y")
    assert made.StudyDescription == "Chest PA"
    made = cleaned(data)
    assert (made.Manufacturer, made.PatientSex) == ("", "")
    assert not {"PatientAge", "StudyDescription"} & set(made.dir())
    assert (made.ViewPosition, made.BodyPartExamined) == ("PA", "CHEST")


def test_the_film_keeps_its_verdict(tiny_bundle: object) -> None:
    import pneumoscope.runtime as runtime

    data = dicom(film_pixels())
    reader = runtime.load(tiny_bundle)
    film = deidentified(data, "film", KEY)
    assert reader.predict(film.content).p_positive == reader.predict(data).p_positive


def test_burnt_in_text_is_refused_or_blanked() -> None:
    pixels = film_pixels()
    for column in range(20, 240, 6):  # strokes like those of letters
        pixels[10:22, column : column + 3] = 255
    data = dicom(pixels)
    with pytest.raises(BurnedInText, match="top"):
        cleaned(data)
    blanked = cleaned(data, burned_in="blank").pixel_array
    assert (blanked[:30] == pixels.min()).all()
    assert np.array_equal(blanked[60:, 50:200], pixels[60:, 50:200])
    kept = cleaned(data, burned_in="keep")
    assert np.array_equal(kept.pixel_array, pixels)
    assert (kept.BurnedInAnnotation, cleaned(data, burned_in="blank").BurnedInAnnotation) == (
        "YES",
        "NO",
    )


def test_blank_borders_do_not_take_back_what_the_header_says() -> None:
    pixels = film_pixels()
    for column in range(20, 240, 6):
        pixels[10:22, column : column + 3] = 255
    for declared, burned_in in (("YES", "YES"), ("NO", "NO")):
        made = cleaned(dicom(pixels, BurnedInAnnotation=declared), burned_in="blank")
        assert made.BurnedInAnnotation == burned_in
        codes = [item.CodeValue for item in made.DeidentificationMethodCodeSequence]
        assert codes == ["113100", "113101"]
    kept = cleaned(dicom(pixels), burned_in="keep")
    assert [item.CodeValue for item in kept.DeidentificationMethodCodeSequence] == ["113100"]


def test_a_header_that_admits_text_is_believed() -> None:
    data = dicom(film_pixels(), BurnedInAnnotation="YES")
    for policy in ("refuse", "blank"):
        with pytest.raises(BurnedInText, match="its header says"):
            cleaned(data, burned_in=policy)


def test_a_raster_film_is_refused() -> None:
    with pytest.raises(UnsupportedObject, match="not a DICOM film"):
        deidentified(b"\x89PNG\r\n\x1a\n" + bytes(64), "a.png", KEY)


def test_no_attribute_of_the_profile_is_kept_without_a_request() -> None:
    fields = pytest.importorskip(
        "dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c",
        reason="needs dicom-anonymizer",
    )
    from pydicom.datadict import tag_for_keyword

    listed = {(t[0] << 16) + t[1] for t in fields.ALL_TAGS if len(t) == 2}
    assert len(listed) > 500
    assert {keyword for keyword in SAFE if tag_for_keyword(keyword) in listed} == set()
    assert {k for k in DESCRIPTORS if tag_for_keyword(k) in listed} == set(DESCRIPTORS)
    assert "DeviceSerialNumber" in DEVICE


def test_actions_name_every_attribute() -> None:
    data = dicom(film_pixels(), StudyDate="20260102", PatientComments="ill", ViewPosition="PA")
    film = deidentified(data, "film", KEY, Options(("dates",)))
    actions = {keyword: action for _, keyword, action in film.actions}
    assert actions["PatientComments"] == "removed"
    assert actions["StudyDate"] == "shifted"
    assert actions["PatientBirthDate"] == "emptied"
    assert actions["PatientName"] == actions["SOPInstanceUID"] == "replaced"
    assert actions["ViewPosition"] == "kept"
    assert actions["PixelData"] == "rewritten"
    assert CR in film.content.decode("latin-1")
