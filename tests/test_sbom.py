"""The bill of materials, and the licences of dependencies."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("packaging", reason="needs the [dev] extra")

import sbom

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return sbom.cyclonedx()


@pytest.mark.slow
def test_every_licence_is_permissive_or_a_named_exception() -> None:
    rows = list(sbom.licence_rows())
    assert len(rows) > 20
    for name, licence, _, reason in rows:
        assert licence, f"{name}: its metadata name no licence; name it in EXCEPTIONS"
        assert sbom.is_permissive(licence) or reason, f"{name}: {licence}"


def test_no_exception_is_superfluous() -> None:
    metadata = {each.name: each.licence for each in sbom.packages(sbom.extras_of())}
    for name in sbom.EXCEPTIONS:
        assert not sbom.is_permissive(metadata.get(name, "")) or not metadata.get(name), name


def test_the_page_has_every_installed_dependency() -> None:
    """Where more, or less, is installed, the page may have rows of other optional parts."""
    written = dict(
        re.findall(r"^\| (\S+) \| ([^|]+) \|", sbom.PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    )
    for name, licence, _, _ in sbom.licence_rows():
        assert written.get(name) == licence, f"{name}: python tools/sbom.py --licences"


@pytest.mark.parametrize(
    ("licence", "permissive"),
    [
        ("MIT", True),
        ("BSD", True),
        ("Apache-2.0 OR BSD-3-Clause", True),
        ("GPL-3.0-only OR MIT", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", False),
        ("MIT AND PSF-2.0", True),
        ("LGPL-3.0-only", False),
        ("", False),
    ],
)
def test_licences_by_hand(licence: str, permissive: bool) -> None:
    assert sbom.is_permissive(licence) == permissive


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ({"license_expression": "MIT", "license": "GPL"}, "MIT"),
        ({"classifier": ["License :: OSI Approved :: BSD License"]}, "BSD"),
        ({"license": "Apache License, Version 2.0"}, "Apache-2.0"),
        ({"license": "MPL-2.0 AND MIT"}, "MPL-2.0 AND MIT"),
        ({"license": "BSD-3-Clause"}, "BSD-3-Clause"),
        (
            {"classifier": ["License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)"]},
            "MPL-2.0",
        ),
        ({"license": "Proprietary"}, ""),
        ({"license": "Permitted use only"}, ""),
        ({}, ""),
    ],
)
def test_what_metadata_say(metadata: dict[str, Any], licence: str) -> None:
    assert sbom.licence_of(metadata) == licence


def test_the_bill_is_closed_and_names_what_is_needed(bill: dict[str, Any]) -> None:
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", bill["serialNumber"])
    product = bill["metadata"]["component"]
    references = {each["bom-ref"] for each in (product, *bill["components"])}
    assert len(references) == len(bill["components"]) + 1
    assert product["purl"].startswith("pkg:pypi/pneumoscope@")
    for each in bill["components"]:
        assert each["purl"] == each["bom-ref"] == f"pkg:pypi/{each['name']}@{each['version']}"
        assert each["type"] == "library"
        assert each["licenses"], each["name"]
    needs = {each["ref"]: set(each["dependsOn"]) for each in bill["dependencies"]}
    assert set(needs) == references
    assert set().union(*needs.values()) <= references
    names = {each["name"] for each in bill["components"]}
    assert {"numpy", "onnxruntime", "pydicom", "typer"} <= names
    assert not {"pytest", "mypy", "ruff", "mkdocs"} & names  # tools of developers
    numpy = next(ref for ref in references if ref.startswith("pkg:pypi/numpy@"))
    assert numpy in needs[product["bom-ref"]]


@pytest.mark.slow
def test_the_tool_writes_the_same_bytes_each_time(tmp_path: Path, bill: dict[str, Any]) -> None:
    out = tmp_path / "new" / "sbom.json"
    subprocess.run([sys.executable, ROOT / "tools" / "sbom.py", "--out", out], check=True)
    assert json.loads(out.read_bytes()) == bill
