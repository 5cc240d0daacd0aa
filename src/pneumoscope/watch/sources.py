"""Opens what a command names: places of films that do not overlap with the place of the results."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pneumoscope.buckets import is_url, plain_path
from pneumoscope.errors import UsageError
from pneumoscope.watch.bucket import open_bucket
from pneumoscope.watch.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.watch.places import Place

_ELSEWHERE = "Name another folder with --out, beside the watched one or inside it."


def open_sources(sources: Sequence[str], out: str, private: Path) -> list[Place]:
    """The places that films come from.

    Args:
        sources: Folders and URLs.
        out: Folder or URL of the results.
        private: Folder of the queue.

    Raises:
        UsageError: One does not exist, or would take the results for films; or two are called alike.
        MissingExtra: The package for a protocol is not installed.
    """
    if not sources or not all(sources):
        raise UsageError("nothing to watch", "Name a folder, or a URL such as s3://bucket/films.")
    places = [
        _bucket(text, out) if is_url(text) else _folder(Path(plain_path(text)), out, private)
        for text in sources
    ]
    label, times = Counter(place.label for place in places).most_common(1)[0]
    if times > 1:
        raise UsageError(
            f"{times} of the watched places are called {label}",
            "Start one `pneumoscope watch` for each, with its own --out.",
        )
    return places


def _folder(root: Path, out: str, private: Path) -> Folder:
    if not root.is_dir():
        kind = "is not a folder" if root.exists() else "no such folder"
        raise UsageError(f"{root}: {kind}", "Name a folder, or a URL such as s3://bucket/films.")
    resolved = root.resolve()
    if resolved.is_relative_to(private.resolve()):
        raise UsageError(f"{root}: is in the folder of the queue", "Name another --folder.")
    if is_url(out):
        return Folder(root, [private])
    target = Path(plain_path(out))
    if target.exists() and not target.is_dir():
        raise UsageError(f"--out {out}: is not a folder", _ELSEWHERE)
    if resolved.is_relative_to(target.resolve()):
        raise UsageError(f"--out {out}: contains the watched folder", _ELSEWHERE)
    return Folder(root, [target, private])


def _bucket(url: str, out: str) -> Place:
    source, target = f"{url.rstrip('/')}/", f"{out.rstrip('/')}/"
    if source.startswith(target):
        raise UsageError(f"--out {out}: contains the watched prefix", _ELSEWHERE)
    inside = target.startswith(source)
    return open_bucket(url, target.removeprefix(source).rstrip("/") if inside else None)
