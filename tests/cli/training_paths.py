"""`pneumoscope.train.run.Paths`, which needs Keras, for tests without it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    data: Path
    run: Path
    weights: str
    cache: Path | None = None
    pictures: Path | None = None
    masks: tuple[Path, ...] = ()
    others: Path | None = None
