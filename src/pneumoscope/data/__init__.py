"""Training films: find, label, split by patient, cache.

``find`` recognises the layout (``folders``, ``tables``, ``public_sets``), ``listing`` translates its labels for a
task, ``cache`` decodes once, ``split`` holds films out, and ``load`` does all of it. ``manifests``
writes films of one or several folders as one table. ``duplicates``, ``check`` and ``obtain`` take
care of the films themselves.
"""

from pneumoscope.data.films import Film, FilmSet, load
from pneumoscope.data.layouts import find
from pneumoscope.data.listing import LABELS
from pneumoscope.data.manifests import write_manifest
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
