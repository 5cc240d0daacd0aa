"""Whether the ratios of a run are as good as recorded ones."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from pneumoscope.errors import BenchError, UsageError
from pneumoscope.files import cause

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOLERANCE = 0.8
"""A share of a lower bound may fall to this part of the recorded one; a time may be 1 / 0.8 times as long."""
START_TOLERANCE = 0.7
"""The same for the start: relative to its lower bound, the same code took 1.99 on one machine and 2.5 on another."""
HIGHER_IS_BETTER = frozenset(
    {"bulk_small", "bulk_large", "start_notebook", "server_small", "server_cpu"}
)


def read(path: Path) -> dict[str, float]:
    """The ratios in a file that ``pneumoscope bench inference --json`` wrote.

    Raises:
        UsageError: It cannot be read, or has none.
    """
    hint = "Write it with: pneumoscope bench inference --json > FILE"
    try:
        ratios = json.loads(path.read_text(encoding="utf-8"))["ratios"]
        read = {str(name): float(ratio) for name, ratio in ratios.items()}
        if not all(math.isfinite(ratio) and ratio > 0 for ratio in read.values()):
            raise ValueError("a ratio is not a positive number")
        return read
    except OSError as error:
        raise UsageError(f"{path}: {cause(error)}", hint) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}: has no ratios of a benchmark", hint) from error


def check(ratios: Mapping[str, float], recorded: Mapping[str, float]) -> None:
    """Compares the ratios that both runs have.

    Raises:
        UsageError: They have none in common, so nothing would be checked.
        BenchError: One is worse than `TOLERANCE`, or `START_TOLERANCE`, allows.
    """
    if not ratios.keys() & recorded.keys():
        names = ", ".join(recorded) or "no ratio"
        raise UsageError(
            f"nothing can be compared: this run measured {', '.join(ratios) or 'no ratio'}, "
            f"recorded is {names}",
            "Measure the ways that the recorded run measured, with --ways.",
        )
    for name, before in recorded.items():
        ratio = ratios.get(name)
        if ratio is None:
            continue
        share = ratio / before if name in HIGHER_IS_BETTER else before / ratio
        if share < (START_TOLERANCE if name == "start" else TOLERANCE):
            raise BenchError(
                f"{name} is {ratio:.2f}, recorded was {before:.2f}",
                "Run it again on a quiet machine, or find what became slower.",
            )
