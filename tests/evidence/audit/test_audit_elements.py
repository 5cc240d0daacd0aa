"""Tables, pictures and titles of the audit page."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from audits import audit_of, shown
from pneumoscope.evidence.report.audit.elements import film_picture, remainder, table


def test_a_picture_is_the_film_with_its_name(tmp_path: Path) -> None:
    html = film_picture(shown(audit_of(), tmp_path), 3)
    assert 'alt="3.png"' in html
    (data,) = re.findall(r"base64,([^\"]+)", html)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("L"))
    assert abs(float(pixels.mean()) - 60) < 3  # three times 20 grey levels
    assert max(pixels.shape) <= 224


def test_a_film_that_has_vanished_leaves_a_note(tmp_path: Path) -> None:
    result = shown(audit_of(), tmp_path)
    (tmp_path / "3.png").write_bytes(b"")
    assert film_picture(result, 3) == '<p class="soft">gone</p>'


def test_the_position_is_that_in_the_reading(tmp_path: Path) -> None:
    # The first film could not be read: position 0 of the reading is the second film.
    result = shown(audit_of(), tmp_path)
    result.reading.rows[:] = np.roll(result.reading.rows, -1)
    assert 'alt="1.png"' in film_picture(result, 0)


def test_cells_are_escaped_and_figures_stand_right() -> None:
    html = table(["a & b", "n"], [["<b>", "5"]])
    assert html == (
        "<table><tr><th>a &amp; b</th><th class=n>n</th></tr>"
        "<tr><td>&lt;b&gt;</td><td class=n>5</td></tr></table>"
    )
    assert "<td class=words>text</td>" in table(["a", "b"], [["x", "text"]], words=True)


@pytest.mark.parametrize(
    ("count", "given", "words"), [(5, 5, ""), (0, 0, ""), (1029, 24, "And 1,005 more"), (2, 3, "")]
)
def test_what_is_not_shown_is_counted(count: int, given: int, words: str) -> None:
    html = remainder(count, given)
    assert words in html
    assert bool(html) == bool(words)
    assert not html or "audit.json lists all" in html
