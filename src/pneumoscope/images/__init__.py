"""Reads a film from any source, and turns it into the model's input.

``reading`` picks the decoder (``raster`` or ``dicom``), ``sources`` fetches the bytes, ``formats``
recognises them, ``finding`` searches folders and opens ``archives``, ``resampling`` defines what the network sees.
"""

from pneumoscope.images.finding import film_files, find_films
from pneumoscope.images.formats import is_archive, sniff
from pneumoscope.images.reading import read, read_values, size_of
from pneumoscope.images.resampling import SOURCE_SIZE, VERSION, model_input, resample
from pneumoscope.images.sources import ListedFilm, Source, load_bytes, name_of

__all__ = [
    "SOURCE_SIZE",
    "VERSION",
    "ListedFilm",
    "Source",
    "film_files",
    "find_films",
    "is_archive",
    "load_bytes",
    "model_input",
    "name_of",
    "read",
    "read_values",
    "resample",
    "size_of",
    "sniff",
]
