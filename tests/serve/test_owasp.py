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
from in_process import PASSWORD, Served, running_for
from pneumoscope.bundle import Bundle
from pneumoscope.serve import app
from pneumoscope.serve.settings import ServeSettings
from served_routes import routes

STATIC = Path(app.__file__).parent / "static"
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
    with running_for({"anna": "operator", "bert": "operator"}, settings) as served:
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


def test_no_folder_is_listed_and_nothing_is_traced(server: Served, cookies: dict[str, str]) -> None:
    for path in ("/static", "/static/", "/static/samples", "/static/samples/"):
        assert server("GET", path, cookie=cookies["anna"]).status_code in (307, 404)
    for path in ("/", "/static/page.js", "/api/v1/me"):
        answer = server("TRACE", path, cookie=cookies["anna"], headers={"X-Mark": "heron"})
        assert answer.status_code in (403, 405)
        assert "heron" not in answer.text


def test_text_says_how_it_is_coded(server: Served, cookies: dict[str, str]) -> None:
    answers = [server("GET", f"/static/{path.name}") for path in STATIC.iterdir()]
    answers += [server("GET", path) for path in ("/", "/login")]
    cookie = cookies["bert"]
    read = server("POST", "/api/v1/predictions", cookie=cookie, files=[("files", BRIGHT)])
    for path in ("/api/v1/predictions/export?format=csv", "/metrics"):
        answers.append(server("GET", path, cookie=cookie))
    kinds = [answer.headers["content-type"] for answer in (read, *answers)]
    assert len(set(kinds)) > 5
    assert any(kind.startswith("image/svg+xml") for kind in kinds)
    for kind in kinds:
        is_text = kind.startswith("text/") or "+xml" in kind
        assert "charset=utf-8" in kind or not is_text, kind


def test_files_have_names_of_the_server(server: Served, cookies: dict[str, str]) -> None:
    cookie, film = cookies["bert"], ('a"; filename="evil.exe', BRIGHT[1])
    sent = server("POST", "/api/v1/predictions", cookie=cookie, files=[("files", film)])
    number = sent.json()["predictions"][0]["id"]
    for kind in ("csv", "json", "pdf", "zip"):
        path = f"/api/v1/predictions/export?format={kind}&ids={number}"
        named = server("GET", path, cookie=cookie).headers["content-disposition"]
        assert named == f'attachment; filename="pneumoscope.{kind}"'


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


LEVELS_1_AND_2 = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3, "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5,
    "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2, "8.1": 2,
    "8.2": 3, "8.3": 1, "8.4": 1, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4,
    "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
}  # fmt: skip
"""Requirements of levels 1 and 2 in each section of ASVS 5.0.0, which come first there; without V9, V10 and V17."""
STATES = {"met", "partly", "not met", "documented", "untested", "not applicable"}


def test_the_table_has_every_requirement_of_level_2_once() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("## OWASP ASVS 5.0, level 2\n")[2]
    rows = [line.strip("| ").split(" | ") for line in text.partition("\nBeyond")[0].splitlines()]
    rows = [row for row in rows if re.match(r"\d", row[0])]
    listed = [number for row in rows for number in row[0].split(", ")]
    needed = {f"{part}.{n}" for part, most in LEVELS_1_AND_2.items() for n in range(1, most + 1)}
    assert set(listed) - needed == {"1.2.10"}  # level 3, and met
    assert needed <= set(listed)
    assert len(listed) == len(set(listed))
    for row in rows:
        assert row[1] in STATES
        assert len(row) == 4, row
        assert row[1] != "met" or "`test_" in row[3] or "`make check`" in row[3], row
        assert row[1] != "documented" or "](" in row[2] or row[2] == "above", row


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
