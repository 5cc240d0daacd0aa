"""Whether the ratios of a run are as good as recorded ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pneumoscope.errors import BenchError, UsageError
from pneumoscope.files import cause

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOLERANCE = 0.8
"""A share of a lower bound may fall to this part of the recorded one; a time may be 1 / 0.8 times as long."""
HIGHER_IS_BETTER = frozenset({"bulk_small", "bulk_large", "start_notebook"})


def read(path: Path) -> dict[str, float]:
    """The ratios in a file that ``pneumoscope bench inference --json`` wrote.

    Raises:
        UsageError: It cannot be read, or has none.
    """
    hint = "Write it with: pneumoscope bench inference --json > FILE"
    try:
        ratios = json.loads(path.read_text(encoding="utf-8"))["ratios"]
        return {str(name): float(ratio) for name, ratio in ratios.items()}
    except OSError as error:
        raise UsageError(f"{path}: {cause(error)}", hint) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}: has no ratios of a benchmark", hint) from error


def check(ratios: Mapping[str, float], recorded: Mapping[str, float]) -> None:
    """Compares the ratios that both runs have.

    Raises:
        BenchError: One is worse than `TOLERANCE` allows.
    """
    for name, before in recorded.items():
        ratio = ratios.get(name)
        if ratio is None:
            continue
        share = ratio / before if name in HIGHER_IS_BETTER else before / ratio
        if share < TOLERANCE:
            raise BenchError(
                f"{name} is {ratio:.2f}, recorded was {before:.2f}",
                "Run it again on a quiet machine, or find what became slower.",
            )
