"""The synthetic films that come with the package, to try it without films of patients."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def sample_films() -> tuple[Path, ...]:
    """The synthetic films, inside an installed package or beside it in a clone; may be empty."""
    for folder in (_PACKAGE / "samples", _PACKAGE.parents[1] / "samples"):
        if folder.is_dir():
            return tuple(sorted(folder.glob("*-[0-9].*")))
    return ()
