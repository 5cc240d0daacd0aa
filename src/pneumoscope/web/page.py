"""Writes the page: a folder that any web server can serve."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import posixpath
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from pneumoscope import __version__
from pneumoscope.errors import UsageError
from pneumoscope.files import room_for, swap_folder
from pneumoscope.images.samples import sample_films
from pneumoscope.jobs.bundles import load_bundles
from pneumoscope.web.content import page_content
from pneumoscope.web.obtain import obtain
from pneumoscope.web.packages import PACKAGES, Package

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pneumoscope.runtime import Classifier

_PAGE_FILES = Path(__file__).with_name("static")
_TEXTS = Path(__file__).with_name("texts")
"""What the page says otherwise than one with a server, by language."""
_SERVER_FILES = Path(__file__).parents[1] / "serve" / "static"
"""The reading room's own files, which the page shares with the server."""
_SERVER_ONLY: Final = ("http.js", "login.html", "login.js", "app.js", "index.html")
"""Files of the reading room that only a page with a server has, or that the page replaces."""
_PAGE = "static/page.json"
_IMPORT = re.compile(r'^(?:import|export)\b[^;"]*"(\.{1,2}/[\w./-]+\.js)"', re.MULTILINE)
"""Imports of a module."""
_CSP: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "manifest-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
    )
)
"""The page and its workers, which it starts from blobs, read its own files only: no film can be sent elsewhere."""
_HEAD: Final = f"""<head>
    <meta http-equiv="Content-Security-Policy" content="{_CSP}" />
    <meta name="description" content="Reads chest X-rays in the browser; no film leaves the device. Research use, not a medical device." />
    <meta name="theme-color" content="#0b1017" />
    <link rel="manifest" href="manifest.webmanifest" />"""
_MANIFEST: Final = {
    "name": "pneumoscope",
    "short_name": "pneumoscope",
    "description": "Reads chest X-rays on this device. Research use, not a medical device.",
    "start_url": "./",
    "scope": "./",
    "display": "standalone",
    "background_color": "#0b1017",
    "theme_color": "#0b1017",
    "icons": [
        {"src": "static/icon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any"},
        {"src": "static/icon-192.png", "sizes": "192x192", "type": "image/png"},
        {"src": "static/icon-512.png", "sizes": "512x512", "type": "image/png"},
    ],
}


@dataclass(frozen=True, slots=True)
class ExportedPage:
    """A page that was written.

    Attributes:
        path: Its folder.
        files: Number of files.
        size_bytes: Bytes of all files.
        bundles: Names of the bundles that judge films in it.
        missing: Decoders that it lacks.
    """

    path: Path
    files: int
    size_bytes: int
    bundles: tuple[str, ...]
    missing: tuple[Package, ...]


def export_page(
    target: Path,
    bundles: Sequence[Path],
    place: Path | None,
    say: Callable[[str], None] = lambda _text: None,
    profile: Path | None = None,
) -> ExportedPage:
    """Writes the page; afterwards the folder is either completely new or unchanged.

    Args:
        target: Folder; the page of an earlier export is replaced, any other content is refused.
        bundles: Folders or names of the bundles that judge films; empty for the shipped ones.
        place: Where the packages are, see `obtain`; None for npm.
        say: Told what is done.
        profile: Site profile of one of the bundles, or None.

    Raises:
        ProfileError: The site profile cannot be read, or belongs to none of the bundles.
        UsageError: The folder is not empty, a package cannot be obtained, or two bundles have one name.
        BundleError: A bundle cannot be used.
        DiskFull: The page does not fit.
    """
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target}: is a file, not a folder", "Name a new folder.")
    if target.is_dir() and not (target / _PAGE).is_file() and any(target.iterdir()):
        raise UsageError(f"{target}: is not empty and not a page", "Name a new folder.")
    classifiers = load_bundles(bundles, profile, threads=1)
    files, missing = obtain(place, say)
    target = target.resolve()  # the folder itself is renamed, also if it is given as . or by a link
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with room_for(target):
            _write(staging, classifiers, files, missing)
            staging.chmod(0o755)
            written = [path for path in staging.rglob("*") if path.is_file()]
            size_bytes = sum(path.stat().st_size for path in written)
            swap_folder(staging, target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return ExportedPage(
        path=target,
        files=len(written),
        size_bytes=size_bytes,
        bundles=tuple(classifiers),
        missing=missing,
    )


def _write(
    folder: Path,
    classifiers: Mapping[str, Classifier],
    packages: Mapping[str, bytes],
    missing: Sequence[Package],
) -> None:
    static = folder / "static"
    shutil.copytree(_SERVER_FILES, static, ignore=shutil.ignore_patterns(*_SERVER_ONLY))
    shutil.copytree(_PAGE_FILES, static, dirs_exist_ok=True, ignore=shutil.ignore_patterns("sw.js"))
    _write_texts(static)
    for name, classifier in classifiers.items():
        (static / "models").mkdir(exist_ok=True)
        shutil.copyfile(classifier.bundle.model, static / "models" / f"{name}.onnx")
    (static / "samples").mkdir()
    for film in sample_films():
        shutil.copyfile(film, static / "samples" / film.name)
    _write_packages(static, packages)
    index = (_SERVER_FILES / "index.html").read_text(encoding="utf-8")
    head = "\n    ".join((_HEAD, *_preloads(static)))
    (folder / "index.html").write_text(index.replace("<head>", head, 1), encoding="utf-8")
    (folder / "manifest.webmanifest").write_text(json.dumps(_MANIFEST, indent=2) + "\n")
    codecs = [package.codec for package in PACKAGES if package.codec and package not in missing]
    content = page_content(classifiers, codecs) | {"integrity": _large_files(static)}
    version = _version(folder, content)
    text = json.dumps({"version": version, **content}, ensure_ascii=False, allow_nan=False)
    (folder / _PAGE).write_text(text, encoding="utf-8")
    _write_service_worker(folder, version)


def _write_texts(static: Path) -> None:
    for path in _TEXTS.glob("*.json"):
        texts = json.loads((static / path.name).read_text(encoding="utf-8"))
        _put(texts, json.loads(path.read_text(encoding="utf-8")))
        text = json.dumps(texts, ensure_ascii=False)
        (static / path.name).write_text(text, encoding="utf-8")


def _preloads(static: Path) -> list[str]:
    """Elements that make the browser fetch all modules of the page at once, not one level after the other."""
    modules = ["app.js"]
    for name in modules:
        imported = _IMPORT.findall((static / name).read_text(encoding="utf-8"))
        paths = [
            posixpath.normpath(f"{posixpath.dirname(name)}/{path}").lstrip("/") for path in imported
        ]
        modules += dict.fromkeys(path for path in paths if path not in modules)
    return [
        '<link rel="preload" href="static/page.json" as="fetch" crossorigin />',
        *(f'<link rel="modulepreload" href="static/{name}" />' for name in modules),
    ]


def _put(texts: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Puts texts in the place of those at the same keys, which must be there."""
    for key, value in changes.items():
        if isinstance(texts[key], dict):
            _put(texts[key], value)
        else:
            texts[key] = value


def _write_packages(static: Path, packages: Mapping[str, bytes]) -> None:
    export_of = {file.target: package.export for package in PACKAGES for file in package.files}
    for target, content in packages.items():
        path = static / target
        path.parent.mkdir(exist_ok=True)
        if path.suffix == ".wasm":
            # Servers of plain files do not compress; the page unpacks it.
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content, 6, mtime=0))
        elif name := export_of[target]:
            path.write_bytes(content + f"\nexport default {name};\n".encode())
        else:
            path.write_bytes(content)
    licences = "".join(
        f"{package.title}: {package.licence}; {package.purpose}\n"
        for package in PACKAGES
        if any(file.target in packages for file in package.files)
    )
    text = f"From npm, unchanged but for compression and a line of export:\n\n{licences}"
    (static / "runtime" / "LICENCES.txt").write_text(text, encoding="utf-8")


def _version(folder: Path, content: Mapping[str, object]) -> str:
    """Changes with the content of any file of the page."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return f"{__version__}-{digest.hexdigest()[:12]}"


def _large_files(static: Path) -> dict[str, str]:
    """What the page itself compares with its networks and runtime, by address below ``static``."""
    paths = sorted([*static.glob("models/*.onnx"), *static.glob("runtime/*.wasm.gz")])
    return {
        quote(path.relative_to(static).as_posix()): _integrity(path.read_bytes()) for path in paths
    }


def _write_service_worker(folder: Path, version: str) -> None:
    files = {
        quote(path.relative_to(folder).as_posix()): _integrity(path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    listed = json.dumps({"version": version, "files": {"": files["index.html"], **files}})
    script = (_PAGE_FILES / "sw.js").read_text(encoding="utf-8")
    (folder / "sw.js").write_text(f"self.PAGE_FILES = {listed};\n{script}", encoding="utf-8")


def _integrity(content: bytes) -> str:
    """What a browser compares a file with (Subresource Integrity), whether a server unpacks it or not."""
    contents = [content, gzip.decompress(content)] if content[:2] == b"\x1f\x8b" else [content]
    digests = (base64.b64encode(hashlib.sha256(each).digest()).decode() for each in contents)
    return " ".join(f"sha256-{digest}" for digest in digests)
