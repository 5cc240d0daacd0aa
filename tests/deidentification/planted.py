"""Films with secrets in every place where a header can hold one."""

from __future__ import annotations

import numpy as np
from pydicom import Dataset
from pydicom._dicom_dict import DicomDictionary

from film_files import CR, dataset, write

SECRET = "ZQXSECRET"
TEXT_VRS = ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")


def film_pixels() -> np.ndarray:
    """uint8 (240, 260), smooth: nothing that looks like text."""
    y, x = np.mgrid[:240, :260]
    return (60 + 100 * x / 260 + 60 * y / 240).astype(np.uint8)


def text_keywords() -> list[str]:
    """Every attribute of the standard whose value is text and that a data set may have."""
    keywords = []
    for tag, (vr, _vm, _name, _retired, keyword) in DicomDictionary.items():
        group = tag >> 16
        if (
            keyword
            and vr in TEXT_VRS
            and group not in (0, 2, 4)
            and keyword != "SpecificCharacterSet"
        ):
            keywords.append(keyword)
    return keywords


def planted_film() -> bytes:
    """A CR film with the secret in every text attribute, nested, private, in overlays and curves."""
    ds = dataset(film_pixels(), SOPClassUID=CR)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3.5", "1.2.3.6"
    keep = {"PhotometricInterpretation", "Modality", "PatientID"}
    for keyword in text_keywords():
        if keyword not in keep:
            setattr(ds, keyword, SECRET)
    ds.PatientID = SECRET
    ds.PatientBirthDate, ds.StudyDate, ds.PatientAge = "19561231", "20260102", "069Y"
    item, inner = Dataset(), Dataset()
    inner.PatientComments = inner.PatientName = SECRET
    item.ReferencedPatientSequence, item.TextValue = [inner], SECRET
    ds.RequestAttributesSequence = [item]
    ds.OriginalAttributesSequence = [item]
    block = ds.private_block(0x0011, f"{SECRET} CO", create=True)
    block.add_new(1, "LO", SECRET)
    block.add_new(2, "UN", SECRET.encode() + b" ")
    block.add_new(3, "OB", SECRET.encode() + b" ")
    ds.add_new(0x60000022, "LO", SECRET)
    ds.add_new(0x60001500, "LO", SECRET)
    ds.add_new(0x60003000, "OW", SECRET.encode() + b" ")
    ds.add_new(0x60020022, "LO", SECRET)
    ds.add_new(0x50000022, "LO", SECRET)
    ds.add_new(0x50003000, "OW", SECRET.encode() + b" ")
    ds.EncapsulatedDocument = SECRET.encode() + b" "
    ds.DataSetTrailingPadding = SECRET.encode() + b" "
    return write(ds)
