"""The bill of materials of an installation, from the metadata of its packages; needs no network.

    python tools/sbom.py --out sbom.cdx.json     CycloneDX 1.6, JSON
    python tools/sbom.py --licences              rewrites docs/reference/licences.md

The bill lists what pneumoscope needs with the optional parts that are installed, not the tools of its
developers. The same installation always gives the same bytes. The page of licences lists the tools, too.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "licences.md"
NAME = "pneumoscope"
TOOLS = frozenset({"dev", "docs"})
"""Optional parts of the package that only its developers install."""

PERMISSIVE = frozenset(
    [
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "HPND",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "PSF-2.0",
        "Python-2.0",
        "Unlicense",
        "Zlib",
    ]
)
"""SPDX ids of licences that only ask for their notice to be kept."""
_EXPRESSION = r"[\w.+-]+-\d[\w.+-]*(?: (?:AND|OR) [\w.+-]+)*|[\w.+-]+(?: (?:AND|OR) [\w.+-]+)+"
"""An SPDX expression in the field for any text: an id with a version, or several ids."""
_NAMES = {
    r"mozilla public license 2|\bmpl\b": "MPL-2.0",
    r"apache": "Apache-2.0",
    r"\bmit\b|massachusetts": "MIT",
    r"\bisc\b": "ISC",
    r"bsd|scipy developers": "BSD",
    r"python software foundation|matplotlib": "PSF-2.0",
}
"""By what metadata without an SPDX expression say, in words of their own; some only say BSD."""

EXCEPTIONS: Mapping[str, tuple[str, str]] = {
    "axe-playwright-python": ("MIT", "its metadata name no licence; its repository does"),
    "certifi": ("MPL-2.0", "a list of certificates, which is passed on unchanged"),
    "hypothesis": ("MPL-2.0", "only runs tests"),
    "namex": ("Apache-2.0", "its metadata name no licence; its repository does"),
    "orjson": ("MPL-2.0 AND (Apache-2.0 OR MIT)", "files under MPL are passed on unchanged"),
    "pathspec": ("MPL-2.0", "only checks code and builds documents"),
    "psycopg": (
        "LGPL-3.0-only",
        "optional, imported unchanged; it can be replaced by another version",
    ),
    "psycopg-binary": ("LGPL-3.0-only", "as psycopg"),
    "tqdm": ("MPL-2.0 AND MIT", "files under MPL are passed on unchanged"),
}
"""Packages whose licence is not permissive, or not in their metadata: the licence, and why they are used."""


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package.

    Attributes:
        name: In its normal form.
        version: As installed.
        licence: SPDX expression, or ``"BSD"``; empty if the metadata name none.
        needs: Names of packages that it needs, as far as they are installed.
    """

    name: str
    version: str
    licence: str
    needs: tuple[str, ...]


@cache
def _installed() -> dict[str, Distribution]:
    return {canonicalize_name(each.metadata["Name"] or ""): each for each in distributions()}


@cache
def _needs(name: str, extras: frozenset[str]) -> dict[str, frozenset[str]]:
    """What an installed package needs here with these extras, each with its own extras."""
    needs: dict[str, frozenset[str]] = {}
    for text in _installed()[name].requires or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in (extras | {""})):
            needed = canonicalize_name(requirement.name)
            needs[needed] = needs.get(needed, frozenset()) | requirement.extras
    return needs


@cache
def packages(extras: frozenset[str]) -> tuple[Package, ...]:
    """Everything that pneumoscope needs with these extras and that is installed, by name."""
    seen: dict[str, frozenset[str]] = {}
    waiting = {canonicalize_name(NAME): extras}
    while waiting:
        name, wanted = waiting.popitem()
        if name not in _installed() or (name in seen and wanted <= seen[name]):
            continue
        seen[name] = seen.get(name, frozenset()) | wanted
        for needed, its_extras in _needs(name, seen[name]).items():
            waiting[needed] = waiting.get(needed, frozenset()) | its_extras
    return tuple(
        Package(
            name=name,
            version=_installed()[name].version,
            licence=licence_of(_installed()[name].metadata.json),
            needs=tuple(sorted(set(_needs(name, seen[name])) & set(seen) - {name})),
        )
        for name in sorted(seen)
    )


def extras_of(name: str = NAME) -> frozenset[str]:
    """The optional parts of a package."""
    return frozenset(distribution(name).metadata.get_all("Provides-Extra") or ())


def licence_of(metadata: Mapping[str, Any]) -> str:
    """The licence that a package's metadata name, as `Package.licence`.

    Args:
        metadata: As `importlib.metadata` gives them as JSON.
    """
    if expression := metadata.get("license_expression"):
        return str(expression)
    if re.fullmatch(_EXPRESSION, text := str(metadata.get("license") or "").strip()):
        return text
    classifiers = [c for c in metadata.get("classifier", ()) if c.startswith("License ::")]
    named = [c.rpartition(" :: ")[2] for c in classifiers]
    licence = str(metadata.get("license") or "").strip()
    for text in (*named, licence.partition("\n")[0], licence[:200]):
        for pattern, meant in _NAMES.items():
            if re.search(pattern, text, re.IGNORECASE):
                return meant
    return ""


def is_permissive(licence: str) -> bool:
    """Whether every part of a licence, or one of its alternatives, is permissive."""
    parts = [part.strip("() ") for part in licence.split(" AND ")]
    return all(
        any(one_of in PERMISSIVE | {"BSD"} for one_of in part.split(" OR ")) for part in parts
    )


def cyclonedx() -> dict[str, Any]:
    """The bill of materials."""
    listed = packages(extras_of() - TOOLS)
    references = {each.name: f"pkg:pypi/{each.name}@{each.version}" for each in listed}
    components = [_component(each, references[each.name]) for each in listed]
    product = next(c for c in components if c["name"] == NAME)
    bill: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": product | {"type": "application"}},
        "components": [c for c in components if c is not product],
        "dependencies": [
            {"ref": references[each.name], "dependsOn": [references[name] for name in each.needs]}
            for each in listed
        ],
    }
    return bill | {"serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bill)).urn}


def _component(package: Package, reference: str) -> dict[str, Any]:
    licence = EXCEPTIONS.get(package.name, (package.licence,))[0]
    stated = {"license": {"name": "BSD"}} if licence == "BSD" else {"expression": licence}
    component = {
        "type": "library",
        "bom-ref": reference,
        "name": package.name,
        "version": package.version,
        "purl": reference,
    }
    return component | ({"licenses": [stated]} if licence else {})


def licence_rows() -> Iterator[tuple[str, str, str, str]]:
    """Name, licence, optional parts that need it, and why it is an exception, of every package."""
    extras = sorted(extras_of() - {"all"})
    needed = {extra: {each.name for each in packages(frozenset({extra}))} for extra in extras}
    always = {each.name for each in packages(frozenset())}
    for each in packages(extras_of()):
        if each.name != NAME:
            by = (
                "always"
                if each.name in always
                else ", ".join(extra for extra in extras if each.name in needed[extra])
            )
            licence, reason = EXCEPTIONS.get(each.name, (each.licence, ""))
            yield each.name, licence, by, reason


def page() -> str:
    """The page of licences, as Markdown."""
    lines = [
        "# Licences of dependencies",
        "",
        "Made by `python tools/sbom.py --licences` from the metadata of installed packages. `BSD` means that the metadata do",
        "not say which of the BSD licences it is. A test checks that each licence is permissive, or that the package is",
        "named here as an exception, with the reason. `make sbom` writes the bill of materials (CycloneDX), with versions.",
        "",
        "| package | licence | needed by | exception, because |",
        "| --- | --- | --- | --- |",
        *(f"| {' | '.join(row)} |" for row in licence_rows()),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, help="file to write; printed if left out")
    parser.add_argument("--licences", action="store_true", help=f"rewrite {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    if options.licences:
        PAGE.write_text(page(), encoding="utf-8")
        return
    text = json.dumps(cyclonedx(), indent=2) + "\n"
    if options.out is None:
        sys.stdout.write(text)
    else:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
