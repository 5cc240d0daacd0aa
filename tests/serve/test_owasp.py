"""Lines of the OWASP API Security Top 10 (2023) that no other module tests; and the page on threats names
only tests that exist."""

from __future__ import annotations

import io
import re
import socket
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from grey_films import BRIGHT
from in_process import CHEAP, PASSWORD, Served, running
from pneumoscope.bundle import Bundle
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.app import create_app
from pneumoscope.serve.settings import ServeSettings
from served_routes import routes

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "threat-model.md"
ADVISORIES = {
    "cryptography": ((48, 0, 1), "GHSA-537c-gmf6-5ccf"),
    "gradio": ((6, 7), "CVE-2026-28414"),
    "keras": ((3, 14), "CVE-2026-1462"),
    "mlflow": ((3, 11), "CVE-2026-4137"),
    "onnx": ((1, 21), "CVE-2026-27489"),
    "opencv-python-headless": ((4, 12), "CVE-2025-53644"),
    "pillow": ((12, 3), "PYSEC-2026-2253"),
    "pyarrow": ((23, 0, 1), "CVE-2026-25087"),
    "pydicom": ((3, 0, 2), "CVE-2026-32711"),
    "pynetdicom": ((3, 0, 4), "CVE-2026-56445"),
    "python-multipart": ((0, 0, 31), "CVE-2026-53539"),
    "ray": ((2, 54), "CVE-2026-27482"),
    "requests": ((2, 33), "CVE-2026-25645"),
    "scikit-learn": ((1, 5), "CVE-2024-5206"),
    "starlette": ((1, 3, 1), "CVE-2026-54283"),
    "torch": ((2, 10), "CVE-2026-24747"),
}
"""The first version without the known hole of this name, for each direct dependency that had one."""


@pytest.fixture(scope="module")
def server(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """With the operators anna and bert; only bert's films are ever read."""
    settings = ServeSettings(
        folder=tmp_path_factory.mktemp("state"), bundle=(str(tiny_bundle.path),), threads=1
    )
    administration = open_administration(settings)
    administration.accounts.hasher = CHEAP
    for name in ("anna", "bert"):
        administration.add_user(name, PASSWORD, "operator")
    administration.store.close()
    with running(create_app(settings)) as served:
        served.security.accounts.hasher = CHEAP
        yield served


@pytest.fixture(scope="module")
def cookies(server: Served) -> dict[str, str]:
    """A session of each user."""
    return {name: server.cookie(name) for name in ("anna", "bert")}


@pytest.mark.parametrize("field", ["owner", "id", "state", "label", "role", "created", "profile"])
def test_a_request_sets_no_property_that_is_not_its_own(
    server: Served, cookies: dict[str, str], field: str
) -> None:
    cookie = cookies["anna"]
    bert = server("GET", "/api/v1/me", cookie=cookies["bert"]).json()["id"]
    answer = server(
        "POST", "/api/v1/predictions", cookie=cookie, files=[("files", BRIGHT)], data={field: bert}
    )
    assert answer.status_code == 400
    assert server("GET", "/api/v1/predictions", cookie=cookie).json() == {"predictions": []}


def test_signing_in_gives_no_role_that_was_asked_for(server: Served) -> None:
    given = {"name": "anna", "password": PASSWORD, "role": "admin", "id": "local"}
    answer = server("POST", "/api/v1/session", json=given)
    assert answer.json()["role"] == "operator"
    assert answer.json()["id"] != "local"


def test_an_account_as_shown_holds_no_secret(server: Served, cookies: dict[str, str]) -> None:
    shown = server("GET", "/api/v1/me", cookie=cookies["anna"]).json()
    assert set(shown) == {"id", "name", "role", "scopes", "accounts"}


def test_the_server_opens_no_connection_for_anybody(
    server: Served, cookies: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []

    def connect(_: socket.socket, address: object) -> None:
        opened.append(address)
        raise OSError("not in this test")

    cookie = cookies["bert"]
    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: connect(None, a))  # type: ignore[arg-type]
    link = b"http://169.254.169.254/latest/meta-data"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="%s"/></svg>' % link
    for film in (BRIGHT, ("http://169.254.169.254/film.png", link), ("x.svg", svg)):
        answer = server(
            "POST", "/api/v1/predictions", cookie=cookie, files=[("files", film)],
            headers={"X-Forwarded-Host": "169.254.169.254", "X-Original-URL": "http://127.0.0.1/x"},
        )  # fmt: skip
        assert answer.status_code == 200
        record = answer.json()["predictions"][0]
        server("GET", record["links"]["pdf"], cookie=cookie)
    assert opened == []


def test_nothing_that_a_film_carries_beside_its_pixels_is_served(
    server: Served, cookies: dict[str, str]
) -> None:
    cookie, program = cookies["bert"], b"MZ and the rest of a program"
    name, film = BRIGHT
    text = PngInfo()
    text.add_text("Comment", program.decode())
    stream = io.BytesIO()
    Image.open(io.BytesIO(film)).save(stream, "PNG", pnginfo=text)
    carrier = stream.getvalue() + program
    assert carrier.count(program) == 2
    answer = server(
        "POST", "/api/v1/predictions", cookie=cookie, files=[("files", (name, carrier))]
    )
    record = answer.json()["predictions"][0]
    assert record["state"] == "done"
    links = {kind: link for kind, link in record["links"].items() if isinstance(link, str)}
    assert {"film", "overlay", "pdf"} <= links.keys()
    for link in links.values():
        served = server("GET", link, cookie=cookie)
        assert program not in served.content


def test_defects_of_dependencies_have_a_time_for_every_severity() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("## Updates of dependencies")[2]
    rows = re.findall(r"^\| ([^|]+) \| (\d+) days \|", text.partition("\n## ")[0], re.MULTILINE)
    times = {severity.split()[0]: int(days) for severity, days in rows}
    assert list(times) == ["critical", "high", "medium", "low", "none"]
    assert list(times.values()) == sorted(times.values())
    assert times["critical"] <= 7


@pytest.mark.parametrize(
    "path", ["/docs", "/redoc", "/openapi.json", "/api/v1/docs", "/api", "/api/v2/me", "/debug"]
)
def test_nothing_old_or_forgotten_is_served(
    server: Served, cookies: dict[str, str], path: str
) -> None:
    assert server("GET", path, cookie=cookies["anna"]).status_code == 404


def test_every_route_under_the_api_is_in_the_published_document(
    server: Served, cookies: dict[str, str]
) -> None:
    document = server("GET", "/api/v1/openapi.json", cookie=cookies["anna"]).json()
    documented = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    served = {(m, p) for m, p in routes(server.app) if p.startswith("/api/")}
    assert served - documented == {("GET", "/api/v1/openapi.json")}


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


@pytest.mark.parametrize(("package", "least"), [(p, least) for p, (least, _) in ADVISORIES.items()])
def test_no_version_with_known_vulnerabilities_is_allowed(
    package: str, least: tuple[int, ...]
) -> None:
    required = [text for name, text in requirements() if name == package]
    assert required
    for requirement in required:
        assert (bound := re.search(r">=([\d.]+)", requirement)), requirement
        assert version(bound[1]) >= least, requirement
    pins = re.findall(r"^(\S+)==([\d.]+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    for pinned in [number for name, number in pins if normal(name) == package]:
        assert version(pinned) >= least
    with suppress(metadata.PackageNotFoundError):  # an optional part
        assert version(metadata.version(package)) >= least


def test_a_minimum_names_its_advisory() -> None:
    """The table here and the comments in pyproject.toml say the same."""
    text = (ROOT / "pyproject.toml").read_text()
    named = re.findall(r'"([\w-]+)(?:\[\w+\])?>=[\d.]+"\]?,? .*below: (\S+)$', text, re.MULTILINE)
    assert {(normal(name), advisory) for name, advisory in named} == {
        (package, advisory) for package, (_, advisory) in ADVISORIES.items()
    }


def requirements() -> list[tuple[str, str]]:
    """Every direct dependency, with and without optional parts: its name, and the whole requirement."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    texts = [*project["dependencies"], *(text for extra in extras for text in extra)]
    return [(normal(m[0]), text) for text in texts if (m := re.match(r"[\w.-]+", text))]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_page_on_threats_names_every_line_and_tests_that_exist() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for number in range(1, 11):
        assert f"API{number}:2023" in text
    defined: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        defined |= set(
            re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        )
        defined.add(path.stem)
    named = set(re.findall(r"\btest_\w+", text))
    assert len(named) > 40
    assert named <= defined, named - defined
