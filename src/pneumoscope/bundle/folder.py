"""Reads, verifies and writes model folders."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pneumoscope.bundle.content import meta_from_json
from pneumoscope.bundle.former_format import from_format_1
from pneumoscope.bundle.meta import CARD, GATE, GOLDEN, META, MODEL, Bundle, BundleMeta
from pneumoscope.bundle.names import SHIPPED, folder_of
from pneumoscope.errors import BundleDamaged, BundleMismatch, BundleMissing, UsageError, restored
from pneumoscope.files import cause, is_link_or_device, room_for, swap_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 2
"""Version of the layout of ``bundle.json`` that is written. Format 1 is read too; others are
refused."""

_META_BYTES = 64 * 2**20
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")
"""Names of files in a bundle: in its folder, and portable."""


def open_bundle(bundle: str | os.PathLike[str] | None = None) -> Bundle:
    """Reads a model folder and checks the hash of every file in it.

    Args:
        bundle: The folder, or the name of one of `names.named_bundles`; None for the first of the
            bundles inside the package.

    Raises:
        BundleMissing: No such folder or name, or a file of it is missing.
        BundleDamaged: A file does not match its hash.
        BundleMismatch: ``bundle.json`` is malformed or of another format version.
    """
    folder = SHIPPED if bundle is None else folder_of(bundle)
    name = folder.name or str(folder)
    raw = _meta_of(folder, name)
    try:
        content = json.loads(raw)
        version = content["format"]
        if version not in (1, FORMAT):
            raise BundleMismatch(name, f"format {version} (this pneumoscope reads {FORMAT})")
        if "calibration" not in content:
            raise BundleMismatch(name, "an older pneumoscope calibrated it by one temperature")
        files = dict(content["files"])
        meta = meta_from_json(from_format_1(content) if version == 1 else content)
    except (
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
        AttributeError,
        RecursionError,
    ) as error:
        if isinstance(error, BundleMismatch):
            raise
        raise BundleMismatch(name, f"{META} is malformed ({cause(error)})") from error
    for required in (MODEL, GOLDEN, CARD, *((GATE,) if meta.gate is not None else ())):
        if required not in files:
            raise BundleMismatch(name, f"{META} does not list {required}")
    for file, expected in files.items():
        if not _FILE_NAME.fullmatch(file):
            raise BundleMismatch(name, f"{META} lists {file!r}, which is no file of this folder")
        _refuse_link(folder / file, name)
        try:
            actual = sha256_of(folder / file)
        except OSError:
            raise BundleMissing(name, f"{file} is missing or unreadable") from None
        if actual != expected:
            raise BundleDamaged(name, file)
    return Bundle(folder, meta, hashlib.sha256(raw).hexdigest())


def _refuse_link(path: Path, name: str) -> None:
    if is_link_or_device(path):
        raise BundleMismatch(name, f"{path.name} is a link or a device; copy the file itself there")


def _meta_of(folder: Path, name: str) -> bytes:
    path = folder / META
    try:
        _refuse_link(path, name)
        with path.open("rb") as stream:
            raw = stream.read(_META_BYTES + 1)
    except OSError:
        raise BundleMissing(name, f"{META} is missing or unreadable") from None
    if len(raw) > _META_BYTES:
        raise BundleMismatch(name, f"{META} has more than {_META_BYTES:,} bytes")
    return raw


def write_bundle(
    folder: str | os.PathLike[str], meta: BundleMeta, files: Mapping[str, Path]
) -> Bundle:
    """Writes a model folder in one step: afterwards it is either completely new or unchanged.

    Args:
        folder: Target; an existing bundle there is replaced, any other content is refused.
        meta: The content of ``bundle.json``.
        files: Name inside the bundle to the file to copy; must hold model, golden and card.

    Raises:
        UsageError: The target exists and is not a bundle.
        DiskFull: It does not fit.
        BundleMismatch: `meta` contradicts itself; nothing is written.
    """
    target = Path(folder)
    if target.exists() and not (target / META).is_file() and any(target.iterdir()):
        raise UsageError(f"{target}: is not empty and not a bundle", "Name a new folder.")
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with room_for(target):
            for name, source in files.items():
                shutil.copyfile(source, staging / name)
            hashes = {name: sha256_of(staging / name) for name in sorted(files)}
            content = {"format": FORMAT, **asdict(meta), "files": hashes}
            text = _lists_on_one_line(
                json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
            )
            (staging / META).write_text(text + "\n", encoding="utf-8")
            _check_content(staging, target.name)
            staging.chmod(0o755)
            for path in staging.iterdir():
                with path.open("rb+") as stream:
                    os.fsync(stream.fileno())
            swap_folder(staging, target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return open_bundle(target)


def _check_content(staging: Path, name: str) -> None:
    """Opens a bundle before it takes the place of another one; errors call it by the name that it will have."""
    try:
        open_bundle(staging)
    except BundleMismatch as error:
        message = error.message.replace(staging.name, name)
        raise restored(BundleMismatch, message, error.hint) from error


def _lists_on_one_line(text: str) -> str:
    """JSON whose lists of numbers take one line each: a bundle has hundreds of scores."""
    return re.sub(
        r"\[\n\s+(-?\d[^\]\"{}]*?)\s+\]",
        lambda match: "[" + re.sub(r",\s+", ", ", match[1]) + "]",
        text,
    )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
