from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from film_sets import chests, folder
from pneumoscope import images
from pneumoscope.bundle import Bundle
from pneumoscope.errors import MissingFile
from pneumoscope.evidence.audit.films import film_of, read_all
from pneumoscope.evidence.audit.listing import open_films
from pneumoscope.runtime import Classifier


def test_one_pass_reads_all_films_in_their_order(tiny_bundle: Bundle, tmp_path: Path) -> None:
    films = chests(20)
    root = folder(tmp_path / "set", {"sick": films}, {"sick": 90})
    (root / "sick" / "003.jpg").write_bytes(b"\xff\xd8\xff broken")
    entries = open_films(root)[0].entries
    classifier = Classifier(tiny_bundle)
    steps = []
    reading = read_all(entries, classifier, lambda done, total: steps.append((done, total)))
    assert steps == [(k, 20) for k in range(1, 21)]
    assert reading.rows.tolist() == [k for k in range(20) if k != 3]
    assert [film.path for film in reading.broken] == ["sick/003.jpg"]
    assert len(set(reading.hashes)) == len(reading.files) == len(reading.thumbs) == 19
    # Row 16 is film 17, in the second batch.
    film = film_of(entries[17].path)
    single = classifier.run(images.resample(film, tiny_bundle.meta.size)[None, ..., None]).embedding
    assert reading.embedding[16] == pytest.approx(single[0], abs=1e-5)
    assert film.shape == (224, 224)


def test_no_film_that_can_be_read(tiny_bundle: Bundle, tmp_path: Path) -> None:
    root = folder(tmp_path / "set", {"sick": chests(2)}, {"sick": 90})
    entries = open_films(root)[0].entries
    for entry in entries:
        entry.path.unlink()
    reading = read_all(entries, Classifier(tiny_bundle), lambda _done, _total: None)
    assert [film.code for film in reading.broken] == ["MissingFile", "MissingFile"]
    assert reading.thumbs.shape == (0, 32, 32)
    assert reading.embedding.shape == (0, 1)
    assert reading.statistics.dtype == np.float64
    with pytest.raises(MissingFile):
        film_of(entries[0].path)
