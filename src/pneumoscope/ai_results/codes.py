"""Coded concepts of the objects: what a verdict, a finding and a reason are in SNOMED CT and DICOM.

DCM and UCUM codes are those of PS3.16. Diseases are SNOMED CT concepts; their use is licensed by
country. What no scheme has is coded in a scheme of pneumoscope.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydicom.sr.coding import Code

from pneumoscope.records import NORMAL, REFUSED, UNDETERMINED

if TYPE_CHECKING:
    from pneumoscope.records import Prediction

SCHEME = "99PNEUMOSCOPE"
"""Designator of pneumoscope's own codes (PS3.16 8.2: private ones begin with 99)."""

VERDICT = Code("verdict", SCHEME, "AI verdict")
REFUSAL_REASON = Code("refusal-reason", SCHEME, "Reason for refusing the film")
UNCLEAR_REASON = Code("unclear-reason", SCHEME, "Reason for an undetermined verdict")
MARK = Code("mark", SCHEME, "What sets the verdict apart")
PRESENCE = Code("presence", SCHEME, "Presence of finding")
PROBABILITY = Code("122157", "DCM", "Probability")
HEATMAP = Code("130403", "DCM", "Gradient-weighted class activation")
AI = Code("123110", "DCM", "Artificial Intelligence")
COMMENT = Code("121106", "DCM", "Comment")
SUMMARY = Code("111017", "DCM", "CAD Processing and Findings Summary")
WITHOUT_FINDINGS = Code("111241", "DCM", "All algorithms succeeded; without findings")
WITH_FINDINGS = Code("111242", "DCM", "All algorithms succeeded; with findings")
NO_ALGORITHM = Code("111245", "DCM", "No algorithms succeeded; without findings")
PERCENT = Code("%", "UCUM", "Percent")
CHEST_FILM = Code("399208008", "SCT", "Plain chest X-ray")
SPATIAL = Code("309825002", "SCT", "Spatial and Relational Concept")
ACQUISITION = Code("109101", "DCM", "Acquisition Equipment")
PROCESSING = Code("109102", "DCM", "Processing Equipment")
SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
PRESENT = Code("52101004", "SCT", "Present")
ABSENT = Code("272519000", "SCT", "Absent")
INDETERMINATE = Code("82334004", "SCT", "Indeterminate")

# Names of content items of TID 1500 and of the templates that it includes.
REPORT = Code("126000", "DCM", "Imaging Measurement Report")
LANGUAGE = Code("121049", "DCM", "Language of Content Item and Descendants")
ENGLISH = Code("en-US", "RFC5646", "English (United States)")
OBSERVER_TYPE = Code("121005", "DCM", "Observer Type")
DEVICE = Code("121007", "DCM", "Device")
OBSERVER_UID = Code("121012", "DCM", "Device Observer UID")
OBSERVER_NAME = Code("121013", "DCM", "Device Observer Name")
OBSERVER_MANUFACTURER = Code("121014", "DCM", "Device Observer Manufacturer")
OBSERVER_MODEL = Code("121015", "DCM", "Device Observer Model Name")
OBSERVER_SERIAL_NUMBER = Code("121016", "DCM", "Device Observer Serial Number")
PROCEDURE = Code("121058", "DCM", "Procedure reported")
MEASUREMENTS = Code("126010", "DCM", "Imaging Measurements")
GROUP = Code("125007", "DCM", "Measurement Group")
TRACKING_NAME = Code("112039", "DCM", "Tracking Identifier")
TRACKING_UID = Code("112040", "DCM", "Tracking Unique Identifier")
ALGORITHM_FAMILY = Code("111000", "DCM", "Algorithm Family")
ALGORITHM_NAME = Code("111001", "DCM", "Algorithm Name")
ALGORITHM_PARAMETERS = Code("111002", "DCM", "Algorithm Parameters")
ALGORITHM_VERSION = Code("111003", "DCM", "Algorithm Version")
ALGORITHM_MANUFACTURER = Code("122405", "DCM", "Algorithm Manufacturer")
FINDING = Code("121071", "DCM", "Finding")
METHOD = Code("370129005", "SCT", "Measurement Method")
REGION = Code("111030", "DCM", "Image Region")
SOURCE = Code("260753009", "SCT", "Source")
SEGMENTED = Code("113076", "DCM", "Segmentation")

_REFUSED = Code("refused", SCHEME, "Film refused")
_SNOMED = {
    NORMAL: ("17621005", "Normal"),
    "ABNORMAL": ("263654008", "Abnormal"),
    "PNEUMONIA": ("233604007", "Pneumonia"),
    "BACTERIAL": ("53084003", "Bacterial pneumonia"),
    "VIRAL": ("75570004", "Viral pneumonia"),
    "TUBERCULOSIS": ("56717001", "Tuberculosis"),
    "COVID-19": ("840539006", "COVID-19"),
    "ATELECTASIS": ("46621007", "Atelectasis"),
    "CARDIOMEGALY": ("8186001", "Cardiomegaly"),
    "CONSOLIDATION": ("95436008", "Lung consolidation"),
    "EDEMA": ("19242006", "Pulmonary edema"),
    "EFFUSION": ("60046008", "Pleural effusion"),
    "PNEUMOTHORAX": ("36118008", "Pneumothorax"),
}
"""Verdict, kind or finding, in capitals and without "pleural" or "pulmonary", to its concept."""
# Of Code Value, VR SH, and of Code Meaning, VR LO (PS3.5 6.2).
_VALUE_LETTERS, _MEANING_LETTERS = 16, 64


def finding(name: str) -> Code:
    """The concept of a class or finding: SNOMED CT if its name is known, else pneumoscope's own."""
    key = re.sub(r"[\s_]+", " ", name.strip().upper())
    key = re.sub(r"^(PLEURAL|PULMONARY|LUNG) ", "", key).replace("COVID19", "COVID-19")
    key = {"COVID": "COVID-19", "TB": "TUBERCULOSIS", "OEDEMA": "EDEMA"}.get(key, key)
    if key in _SNOMED:
        value, meaning = _SNOMED[key]
        return Code(value, "SCT", meaning)
    return private_code(name)


def private_code(name: str, meaning: str = "") -> Code:
    """A concept in pneumoscope's own coding scheme."""
    return Code(
        name.strip()[:_VALUE_LETTERS].strip(), SCHEME, (meaning or name.strip())[:_MEANING_LETTERS]
    )


def verdict(p: Prediction) -> Code:
    """The concept of a label."""
    if p.label == REFUSED:
        return _REFUSED
    return INDETERMINATE if p.label == UNDETERMINED else finding(p.label)


def reason(code: str) -> Code:
    """The concept of a reason of the gate, such as ``"inverted"``."""
    return private_code(code, code.replace("-", " ").capitalize())


def summary(p: Prediction) -> Code | None:
    """What a CAD report calls the verdict (CID 6047); None if it is undetermined or forced.

    CID 6047 has no word for an undetermined one, and of a forced one no algorithm succeeded.
    """
    if p.label == REFUSED:
        return NO_ALGORITHM
    if p.label == UNDETERMINED or p.forced:
        return None
    return WITHOUT_FINDINGS if p.label == NORMAL else WITH_FINDINGS
