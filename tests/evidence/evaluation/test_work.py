"""The folder of intermediate results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn", "pyarrow"):
    pytest.importorskip(module)


from pneumoscope.evidence.evaluation import work


def test_results_are_stored_under_everything_that_determines_them(tmp_path: Path) -> None:
    store = work.Work(tmp_path / "work")
    first, second = (store.path("scores", "bundle", n, ending=".npz") for n in (["a"], ["b"]))
    assert first != second
    assert first == store.path("scores", "bundle", ["a"], ending=".npz")
    calls = []

    def compute() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"p": np.arange(3.0)}

    for _ in range(2):
        assert store.arrays(first, compute)["p"].tolist() == [0.0, 1.0, 2.0]
    assert calls == [1]
    store.arrays(second, compute)
    assert calls == [1, 1]
    assert sorted(tmp_path.rglob("*")) == sorted([tmp_path / "work", first, second])
