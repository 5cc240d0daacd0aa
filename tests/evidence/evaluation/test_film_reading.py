"""Films are read once; an interrupted run is resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

for module in ("cv2", "scipy", "sklearn", "pyarrow"):
    pytest.importorskip(module)


from evaluations import BRIGHT, DARK, QUICK, Run, folders, no_constant
from pneumoscope.bundle import Bundle
from pneumoscope.evidence.evaluation import film_reading, work


@pytest.mark.slow
def test_a_killed_evaluation_goes_on(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK, PNEUMONIA=BRIGHT)
    monkeypatch.setattr(work, "BLOCK", 16)
    read, read_film = [], film_reading._read

    def slow(entry: Any, side: int, resize: str) -> Any:
        read.append(entry.name)
        if len(read) == 20:
            raise KeyboardInterrupt
        return read_film(entry, side, resize)

    monkeypatch.setattr(film_reading, "_read", slow)
    code, metrics, _ = evaluate(tiny_bundle.path, films, *QUICK)
    assert (code, metrics) == (130, {})
    # The first block of 16 was kept; the second is read again.
    count = len(read)
    code, metrics, _ = evaluate(tiny_bundle.path, films, *QUICK)
    assert code == 0
    assert len(read) - count == 24
    again = dict(metrics)
    monkeypatch.setattr(film_reading, "_read", no_constant)
    code, metrics, _ = evaluate(tiny_bundle.path, films, *QUICK)
    assert code == 0
    assert metrics["bundles"][0]["targets"] == again["bundles"][0]["targets"]
    assert not list((tmp_path / "evidence").rglob("*.part"))
