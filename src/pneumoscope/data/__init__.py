"""Training films: find, label, split by patient, cache.

``find`` recognises the layout (``folders``, ``tables``), ``listing`` says what a task makes of its
labels, ``cache`` decodes once, ``split`` holds films out, ``load`` does all of it. ``duplicates``,
``check`` and ``obtain`` look after the films themselves.
"""

from pneumoscope.data.films import Film, FilmSet, find, load, write_manifest
from pneumoscope.data.listing import LABELS
from pneumoscope.data.split import MODES, check_split, split_patients

__all__ = [
    "LABELS",
    "MODES",
    "Film",
    "FilmSet",
    "check_split",
    "find",
    "load",
    "split_patients",
    "write_manifest",
]
