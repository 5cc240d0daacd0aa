"""Gets the packages that the page needs: from a place on this machine, else by ``npm pack``."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pneumoscope.errors import UsageError
from pneumoscope.web.packages import PACKAGES, RUNTIME, Package, contents

if TYPE_CHECKING:
    from collections.abc import Callable

_TIMEOUT_S = 300


def obtain(
    place: Path | None, say: Callable[[str], None] = lambda _text: None
) -> tuple[dict[str, bytes], tuple[Package, ...]]:
    """The files of the packages.

    Args:
        place: A folder or archive with packages; what it lacks is obtained by npm. None for npm alone.
        say: Told what is obtained by npm.

    Returns:
        The files by their target below ``static/``, and the decoders that cannot be obtained.

    Raises:
        UsageError: The runtime cannot be obtained, or a file is another one.
    """
    if place is not None and not place.exists():
        raise UsageError(
            f"{place}: no such folder or archive", f"Make it: npm pack {RUNTIME.title}"
        )
    files: dict[str, bytes] = {}
    missing = []
    for package in PACKAGES:
        taken = None if place is None else contents(package, place)
        if taken is None:
            missing.append(package)
        else:
            files |= taken
    if place is not None and len(missing) == len(PACKAGES):
        raise UsageError(
            f"{place}: contains no package that the page needs",
            f"It takes the archives of: npm pack {' '.join(p.title for p in PACKAGES)}",
        )
    still_missing = []
    for package in missing:
        try:
            files |= _by_npm(package, say)
        except UsageError:
            # Without a decoder the page refuses such films in words; without the runtime there is no page.
            if package is RUNTIME:
                raise
            still_missing.append(package)
    return files, tuple(still_missing)


def _by_npm(package: Package, say: Callable[[str], None]) -> dict[str, bytes]:
    npm = shutil.which("npm")
    hint = (
        f"Install Node.js, which has npm; or, on another machine, run `npm pack {package.title}`, "
        "and give its file with --runtime."
    )
    if npm is None:
        raise UsageError(
            f"the page needs {package.title} ({package.purpose}), but there is no npm", hint
        )
    say(f"obtaining {package.title} by npm")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", "--pack-destination", folder, package.title]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UsageError(
                f"npm did not give {package.title}: {type(error).__name__}", hint
            ) from error
        files = contents(package, Path(folder)) if done.returncode == 0 else None
    if files is None:
        why = next((line for line in done.stderr.splitlines() if line.strip()), "no reason given")
        raise UsageError(f"npm did not give {package.title}: {why[:200]}", hint)
    return files
