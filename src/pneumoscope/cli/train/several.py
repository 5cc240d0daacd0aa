"""What ``train --leave-out`` and ``train --folds`` share: several trainings in one folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pneumoscope.bundle import Bundle
    from pneumoscope.evidence.report.blocks import Plot
    from pneumoscope.train.paths import Paths
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe

    Train = Callable[[Recipe, Paths, Progress], Bundle]
    """Trains a recipe, or takes the bundle of a finished run."""

_RUN = "run.json"


def check_out(out: Path) -> None:
    """Refuses a folder for several trainings that is a file, or the run of one.

    Raises:
        UsageError: It is one of these.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is not a folder", "Name a folder with --out.")
    if (out / _RUN).is_file():
        raise UsageError(
            f"{out}: contains the run of one training", "Name a new folder with --out."
        )


def files_of(plot: Plot, out: Path) -> dict[Path, bytes]:
    """The files of a plot in a folder, with their content."""
    return {out / f"{plot.name}.png": plot.png, out / f"{plot.name}.svg": plot.svg}


def write_files(files: Mapping[Path, bytes]) -> tuple[Path, ...]:
    """Writes files in their order, each in one step."""
    from pneumoscope.files import replacing

    for path, content in files.items():
        with replacing(path) as stream:
            stream.write(content)
    return tuple(files)
