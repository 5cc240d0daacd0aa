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
    from collections.abc import Callable, Sequence

_TIMEOUT_S = 300
_HINT = (
    f"Install Node.js, which has npm; or, on another machine, run `npm pack {RUNTIME.title}`, and give its "
    "file with --runtime."
)


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
    if missing:
        obtained, why = _by_npm(missing, say)
        # Without a decoder the page refuses such films in words; without the runtime there is no page.
        if RUNTIME in missing and RUNTIME not in obtained:
            raise UsageError(why, _HINT)
        for taken in obtained.values():
            files |= taken
        missing = [package for package in missing if package not in obtained]
    return files, tuple(missing)


def _by_npm(
    packages: Sequence[Package], say: Callable[[str], None]
) -> tuple[dict[Package, dict[str, bytes]], str]:
    """The files of those packages that npm gives, and why it does not give the others."""
    titles = ", ".join(package.title for package in packages)
    npm = shutil.which("npm")
    if npm is None:
        return {}, f"the page needs {titles}, but there is no npm"
    say(f"obtaining {titles} by npm")
    obtained, why = _packed(npm, packages)
    if not obtained and len(packages) > 1:  # one that is not there keeps npm from giving the others
        for package in packages:
            alone, reason = _packed(npm, [package])
            obtained |= alone
            why = reason if package is RUNTIME or not why else why
    return obtained, why


def _packed(npm: str, packages: Sequence[Package]) -> tuple[dict[Package, dict[str, bytes]], str]:
    """As `_by_npm`, from one call: all packages, or none."""
    titles = [package.title for package in packages]
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", "--pack-destination", folder, *titles]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return {}, f"npm did not give {', '.join(titles)}: {type(error).__name__}"
        if done.returncode:
            lines = (line for line in done.stderr.splitlines() if line.strip())
            reason = next(lines, "no reason given")[:200]
            return {}, f"npm did not give {', '.join(titles)}: {reason}"
        contained = {package: contents(package, Path(folder)) for package in packages}
    return {package: files for package, files in contained.items() if files is not None}, ""
