"""What the columns of a table mean, by their names and by their cells."""

from __future__ import annotations

import re
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from pneumoscope.data.class_names import is_negative, negative_of, plain_name
from pneumoscope.data.film_files import films_below, stem_of
from pneumoscope.data.split_names import split_of
from pneumoscope.images.formats import has_film_ending

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
    from pathlib import Path

    from pneumoscope.data.table_files import Row

RESERVED = (
    "path", "sha256", "patient", "split", "label", "labels", "source", "mask", "boxes",
)  # fmt: skip
"""Columns of a manifest that are not findings, in lower case."""
AGES = {"age", "patient age", "patient_age", "patientage", "age_years", "age (years)"}
_VIEWS = (
    "frontal/lateral", "frontal_lateral", "view position", "viewposition", "view_position", "projection", "view",
)  # fmt: skip
"""Columns that say how a film was taken, the most telling first."""
FACTS = {
    *AGES, "sex", "gender", "patient sex", "patient gender", "patient_sex", "patient_gender",
    *_VIEWS, "ap/pa", "ap_pa", "offset",
}  # fmt: skip
"""Columns that describe a film or its patient, in lower case."""
# What other tables call the column path, the best first.
_PATHS = (
    "file_path", "filepath", "file path", "image_path", "image path", "imagepath", "img_path",
    "filename", "file_name", "file name", "image_name", "image name", "image",
    "image_id", "image id", "imageid", "img", "file", "x_ray_image_name", "png_path", "pngpath",
    "dicom_path", "dicompath", "path_to_image",
)  # fmt: skip
# As in CheXpert's and NIH's tables; those of MIMIC-CXR, CheXpert Plus and of spreadsheets only if there is no other.
_PATIENTS = {"patient", "patient id", "patient_id", "patientid"}
_OTHER_PATIENTS = (
    "subject_id", "deid_patient_id", "subjectid", "subject id", "pid", "patient_number", "patient number",
    "patientnumber", "patient_no", "patient no", "patient_name", "patient name", "patientname", "patienten-id",
    "patienten_id", "patientennummer", "paciente",
)  # fmt: skip
_LISTS = ("finding labels", "finding_labels")  # of findings, as NIH calls them
_LABELS = (
    "class", "class_name", "class name", "classes", "diagnosis", "finding", "category", "target",
    "ground_truth", "ground truth", "condition", "disease", "result",
    "klasse", "diagnose", "befund", "clase", "etiqueta", "diagnóstico", "diagnostico", "classe", "diagnostic", "diagnosi",
)  # fmt: skip
# Numbers of classes: nothing says which is the healthy one. Notebooks number them by the alphabet.
_CLASS_NUMBER = re.compile(
    r"class(es)?|classe|clase|klasse|category|etiqueta"
    r"|(class|label|target|category|diagnosis) ?(id|idx|index|num|no|number|code|encoded|enc|int)"
)
# Of 1 and 0, but never the label of a film: sexes, and divisions of the films.
_NO_LABEL = re.compile(
    r"(is |patient )?(male|female|man|woman|sex|gender)( bin(ary)?| code)?"
    r"|(is |in |for )?(k?folds?|train(ing)?|test(ing)?|valid(ation)?|val|holdout|split|index|unnamed|augmented)"
    r"( set| split| fold| id|:? \d+)*"
)
# About the course of the disease, or what a model said: labels only of a table that has no others.
_NO_FINDING = re.compile(
    r"\b(smok\w+|fever|cough|dead|died|death|deceased|alive|surviv\w+|mortality|icu|intubat\w+|ventilated"
    r"|preds?|predict\w+|prob(s|a|abilit\w+)?|scores?|confidence|logits?)\b"
)
# A hospital may be called "Training".
_PLACES = {"site", "hospital", "institution", "center", "centre", "source", "clinic"}
_MOST_CLASSES = 20
_IS = re.compile(r"^is[\s_]?", re.IGNORECASE)
_FIRST = 100  # rows that are enough to recognise the column of the films
_FRONTAL = re.compile(r"\b(f|ap|pa|frontal)\b")
# In words or as DICOM names modalities (PS3.3 C.7.3.1.1.1).
_OTHER_PICTURE = re.compile(
    r"(chest |thora\w+ )?(ct|cbct|hrct|mri?|mrt|us|pt|pet|nm|mg|ultraso\w+|sonogra\w+|mammogra\w+|scintigra\w+"
    r"|comput\w+ tomo\w+|magnetic resonance)\b"
)
# A film of a patient who lies on one side ("left lateral decubitus") is frontal.
_LATERAL = re.compile(
    r"(?<!no )(?<!non )(?<!not )\b[lr]?lat(eral)?\b(?! decub)|^(ll|rl)$",
)


def manifest_names(header: Sequence[str]) -> dict[str, str]:
    """Every column to its name in a manifest, ``"path"`` for ``"filename"``; others keep their names."""
    names = {
        name: "patient" if (lower := name.lower()) in _PATIENTS
        else lower if lower in RESERVED
        else name
        for name in header
    }  # fmt: skip
    if "path" not in names.values() and (column := path_column(header)):
        names[column] = "path"
    if "patient" not in names.values() and (column := _first(header, _OTHER_PATIENTS)):
        names[column] = "patient"
    return names


def path_column(header: Sequence[str]) -> str | None:
    """The column with the paths of films, in any of its spellings; None if there is none."""
    return _first(header, ("path", *_PATHS))


def label_columns(header: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """The columns that name classes as ``label`` does, such as ``diagnosis``; several only if they differ.

    There are two classes or more, and one means that nothing was found: other words, such as portable and fixed, are
    no diagnoses.
    """
    names = [name for name in header if name.lower() in _LABELS]
    fitting = []
    for name in names:
        words = {cell for row in rows if (cell := row[name])}
        classes = {"" if is_negative(word) else plain_name(word) for word in words}
        # Reports and remarks have about as many texts as films.
        few = len(words) <= _MOST_CLASSES or 2 * len(words) <= len(rows)
        if few and len(classes) > 1 and negative_of(sorted(words)) is not None:
            fitting.append(name)
    return _different(fitting, rows, plain_name)


def may_be_finding(name: str) -> bool:
    """Whether a column of 1 and 0 may be a finding by its name: not ``male``, ``fold``, ``y_pred`` or ``class_id``."""
    return may_be_label(name) and not _NO_FINDING.search(plain_name(name))


def may_be_label(name: str) -> bool:
    """Whether a column of 1 and 0 may be a label by its name if no other column is one: not ``male`` or ``fold``."""
    plain = plain_name(name)
    return not _NO_LABEL.fullmatch(plain) and not _CLASS_NUMBER.fullmatch(plain)


def list_column(header: Sequence[str]) -> str | None:
    """The column with all findings of a film as NIH calls it; None if there is none."""
    return _first(header, _LISTS)


def split_flags(header: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """The columns such as ``is_test``, with two values that are no names of splits."""
    named = [n for n in header if split_of(_IS.sub("", n))]
    return [n for n in named if len({row[n] for row in rows}) == 2]


def split_columns(header: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """The columns whose cells all name splits, such as ``Dataset_type`` with TRAIN and TEST; several only if they differ.

    These are the ones with the most splits, at least two: films for training and others. Names of hospitals are none.
    """
    splits = {n: {split_of(row[n]) for row in rows} for n in header if n.lower() not in _PLACES}
    fitting = [n for n in splits if len(splits[n]) > 1 and "train" in splits[n] and None not in splits[n]]  # fmt: skip
    most = max((len(splits[name]) for name in fitting), default=0)
    return _different([name for name in fitting if len(splits[name]) == most], rows, split_of)


def film_columns(header: Sequence[str], rows: Sequence[Row], folder: Path) -> list[str]:
    """The columns with names of films below a folder, with or without their endings; several only if they differ.

    At least half of their cells are names of films. If there are several, those with endings and those without a name
    twice are preferred. Columns that describe something else, such as ages, are none of them.
    """
    films = {name for film in films_below(folder) for name in (film.name, stem_of(film.name))}
    some = rows[:_FIRST]
    others = {*RESERVED, *FACTS, *_LABELS} - {"patient"}
    fitting = []
    for column in header:
        named = sum(_name(row[column]) in films for row in some)
        if column.lower() not in others and named and 2 * named >= len(some):
            fitting.append(column)
    fitting = [column for column in fitting if column.strip()] or fitting  # else an index by pandas
    if len(fitting) > 1:
        ended = [c for c in fitting if all(has_film_ending(row[c]) for row in some)]
        fitting = ended or fitting
        once = len({tuple(row.values()) for row in rows})
        fitting = [c for c in fitting if len({row[c] for row in rows}) == once] or fitting
    return _different(fitting, rows, lambda cell: stem_of(_name(cell)))


def view_column(header: Sequence[str]) -> str | None:
    """The column that says how a film was taken; None if there is none."""
    return _first(header, _VIEWS)


def lateral_views(column: str, views: Collection[str]) -> set[str]:
    """Those of a column's views that are from the side.

    ``L`` is one of them beside frontal views (``F``, ``PA``). It may also be the mark of a side, as in a column of L
    and R.
    """
    plain = {plain_name(view) for view in views}
    letters = "frontal" in column.lower() or (
        any(map(_FRONTAL.search, plain)) and plain.isdisjoint({"r", "right"})
    )
    return {view for view in views if is_lateral(view) or (letters and plain_name(view) == "l")}


def is_lateral(view: str) -> bool:
    """Whether a view, such as ``"LL"`` or ``"Lateral view"``, is from the side."""
    plain = plain_name(view)
    return bool(_LATERAL.search(plain)) and not _FRONTAL.search(plain)


def other_modalities(header: Sequence[str], rows: Sequence[Row]) -> tuple[str | None, set[str]]:
    """The column with the modality of a picture, and those of its values that are no radiographs, such as ``CT``.

    None and nothing if there are no others.
    """
    column = _first(header, ("modality",))
    values = {row[column] for row in rows} if column else set()
    others = {value for value in values if _OTHER_PICTURE.match(plain_name(value))}
    return (column, others) if others else (None, set())


def _first(header: Sequence[str], names: Iterable[str]) -> str | None:
    """The column that has the first of these names, in any capitals."""
    lowered = {name.lower(): name for name in reversed(header)}
    return next((lowered[name] for name in names if name in lowered), None)


def _different(
    columns: Iterable[str], rows: Sequence[Row], meaning: Callable[[str], Hashable]
) -> list[str]:
    """The columns without those that mean the same as an earlier one in every row."""
    by_meaning: dict[tuple[Hashable, ...], str] = {}
    for column in columns:
        by_meaning.setdefault(tuple(meaning(row[column]) for row in rows), column)
    return list(by_meaning.values())


def _name(cell: str) -> str:
    return (PureWindowsPath(cell) if "\\" in cell else PurePosixPath(cell)).name
