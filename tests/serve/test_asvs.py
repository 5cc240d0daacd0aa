"""Requirements of OWASP ASVS 5.0 that no other module tests: documents that say what the code does, and small rules
of the code itself."""

from __future__ import annotations

import ast
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pneumoscope
from grey_films import BRIGHT, DARK
from in_process import PASSWORD, Served, running_for
from pneumoscope.audit_log.lines import START, Event, Tail, entry_of
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UnsafeAddress, UsageError
from pneumoscope.serve import exports
from pneumoscope.serve.routes.account import Confirmation, NewPassword
from pneumoscope.serve.routes.schemas import Job, Record
from pneumoscope.serve.routes.session import Credentials
from pneumoscope.serve.security import passwords, tls
from pneumoscope.serve.settings import ServeSettings
from pneumoscope.serve.uploads import FIELDS, display_name

PACKAGE = Path(pneumoscope.__file__).parent
STATIC = PACKAGE / "serve" / "static"
DOCS = Path(__file__).parents[2] / "docs"
API = "/api/v1"


@pytest.fixture(scope="module")
def server(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = ServeSettings(
        folder=tmp_path_factory.mktemp("state"), bundle=(str(tiny_bundle.path),), threads=1
    )
    with running_for({"anna.meier": "operator"}, settings) as served:
        yield served


@pytest.fixture(scope="module")
def cookie(server: Served) -> str:
    return server.cookie("anna.meier")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading of the API's page."""
    text = (DOCS / "reference" / "api.md").read_text("utf-8").partition(f"\n## {heading}\n")[2]
    lines = [line for line in text.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    return [line.strip("| ").split(" | ") for line in lines[1:]]


def quoted(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


# Values that belong together: 2.1.2, 2.2.3


def uploaded(server: Served, cookie: str, **fields: str) -> int:
    """The status of an upload with these fields."""
    path, films = f"{API}/predictions", [("files", BRIGHT)]
    return server("POST", path, cookie=cookie, files=films, data=fields).status_code


def exported(server: Served, cookie: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(exports, "MOST_DRAWN", 0)
    assert uploaded(server, cookie) == 200
    return server("GET", f"{API}/predictions/export?format=zip", cookie=cookie).status_code


def changed(server: Served, cookie: str, new: str) -> int:
    given = {"current": PASSWORD, "new": new}
    return server("POST", f"{API}/account/password", cookie=cookie, json=given).status_code


def with_wrong_code(server: Served) -> int:
    accounts, factor = server.security.accounts, server.security.second_factor
    accounts.add("carla", PASSWORD, "viewer")
    factor.enrol(accounts.get("carla"))
    given = {"name": "carla", "password": PASSWORD, "code": "no"}
    return server("POST", f"{API}/session", json=given).status_code


OF_REQUESTS: dict[str, Callable[[Served, str, pytest.MonkeyPatch], int]] = {
    "`population`, `bundle`": lambda s, c, _: uploaded(s, c, population="adults"),
    "`operating_point`, `bundle`": lambda s, c, _: uploaded(s, c, operating_point="none"),
    "`format`, `ids`": exported,
    "`password`, `code`": lambda s, _c, _m: with_wrong_code(s),
    "`current`, `new`": lambda s, c, _: changed(s, c, PASSWORD),
    "`name`, `new`": lambda s, c, _: changed(s, c, "four quiet meier waiting"),
}
OF_SETTINGS: dict[str, Callable[[], object]] = {
    "`--tls-cert`, `--tls-key`": lambda: ServeSettings(tls_cert=Path("cert.pem")),
    "`--host`, `--tls-cert`": lambda: tls.check_address(
        ServeSettings(host="10.0.0.1"), accounts=True
    ),
    "`--host`, accounts": lambda: tls.check_address(
        ServeSettings(host="10.0.0.1", tls_self_signed=True), accounts=False
    ),
    "`--trusted-proxy`, accounts": lambda: tls.check_address(
        ServeSettings(trusted_proxy=("10.0.0.1",)), accounts=False
    ),
    "`--require-second-factor`, accounts": lambda: tls.check_address(
        ServeSettings(require_second_factor=True), accounts=False
    ),
}


def test_the_rules_of_values_that_belong_together_are_those_of_the_document(
    server: Served, cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    documented = {values: result for values, _, result in rows("Values that belong together")}
    assert set(documented) == {*OF_REQUESTS, *OF_SETTINGS}
    for values, ask in OF_REQUESTS.items():
        assert ask(server, cookie, monkeypatch) == int(documented[values]), values
    for values, start in OF_SETTINGS.items():
        assert documented[values] == "does not start"
        with pytest.raises((UsageError, UnsafeAddress)) as error:
            start()
        assert error.value.hint


# Fields and roles: 8.1.2


def test_the_fields_that_can_be_read_and_written_are_those_of_the_document(
    server: Served, cookie: str
) -> None:
    sent = server("POST", f"{API}/predictions", cookie=cookie, files=[("files", DARK)]).json()
    job = server(
        "POST", f"{API}/predictions", cookie=cookie, files=[("files", DARK)],
        headers={"Prefer": "respond-async"},
    ).json()["job"]  # fmt: skip
    answered = {
        "a film's record": set(sent["predictions"][0]),
        "a job": set(job),
        "an upload": {"files", *FIELDS},
        "`GET /me`": set(server("GET", f"{API}/me", cookie=cookie).json()),
        "`GET /account`": set(server("GET", f"{API}/account", cookie=cookie).json()),
        "signing in": set(Credentials.model_fields),
        "a new password": set(NewPassword.model_fields),
        "ending sessions": set(Confirmation.model_fields),
    }
    assert answered["a film's record"] == set(Record.model_fields)
    assert answered["a job"] == set(Job.model_fields)
    documented = {row[0]: quoted(row[1]) for row in rows("Fields, and who may read and write them")}
    assert documented == answered


# Passwords: 6.1.2, 6.2.6, 6.2.7


def test_the_words_that_no_password_may_be_made_of_are_documented() -> None:
    text = (DOCS / "how-to" / "accounts.md").read_text("utf-8").replace("\n", " ")
    listed = text.partition("words that are expected here: ")[2].partition(". ")[0]
    assert quoted(listed) == set(passwords._HERE)


def test_fields_of_passwords_are_masked_and_known_to_password_managers() -> None:
    scripts = {name: (STATIC / name).read_text("utf-8") for name in ("login.js", "account.js")}
    for name, script in scripts.items():
        assert 'type: "password"' in script, name
        assert "current-password" in script, name
        assert not re.search(r"onpaste|\"paste\"|readonly|autocomplete: \"off\"", script), name
    assert "new-password" in scripts["account.js"]


# Texts of others: 1.1.1, 1.2.2, 1.2.9, 1.3.3, 1.3.10


def test_what_a_client_writes_is_decoded_once(server: Served, cookie: str) -> None:
    assert uploaded(server, cookie) == 200
    number = server("GET", f"{API}/predictions?limit=1", cookie=cookie).json()["predictions"][0]
    id_ = number["id"]
    once = "".join(f"%{byte:02x}" for byte in id_.encode())
    assert server("GET", f"{API}/predictions/{once}", cookie=cookie).status_code == 200
    twice = once.replace("%", "%25")
    assert server("GET", f"{API}/predictions/{twice}", cookie=cookie).status_code == 404
    assert display_name("%2e%2e%2fa&amp;b.png") == "%2e%2e%2fa&amp;b.png"


@pytest.mark.parametrize("name", ["%s %n {0} {self.__class__} ${x} $(id) %(name)s.png"])
def test_a_name_is_never_a_format(server: Served, cookie: str, name: str) -> None:
    sent = server("POST", f"{API}/predictions", cookie=cookie, files=[("files", (name, BRIGHT[1]))])
    record = sent.json()["predictions"][0]
    assert record["film"]["name"] == name
    path = f"{API}/predictions/export?format=json&ids={record['id']}"
    assert name in json.dumps(server("GET", path, cookie=cookie).json())


def test_a_name_that_is_shown_is_short_and_has_no_control_characters() -> None:
    assert display_name("C:\\films/a\x1b[2J\x00\u202e\ud800b.png") == "a[2Jb.png"
    assert len(display_name("w" * 10_000)) == 200


def scripts() -> dict[str, str]:
    folders = (STATIC, PACKAGE / "web" / "static")
    return {str(p): p.read_text("utf-8") for folder in folders for p in sorted(folder.glob("*.js"))}


def test_the_page_makes_no_pattern_of_a_text() -> None:
    assert not [name for name, script in scripts().items() if "new RegExp(" in script]


def sources(*parts: str) -> Iterator[tuple[Path, ast.Module]]:
    for part in parts:
        for path in sorted((PACKAGE / part).rglob("*.py")):
            yield path, ast.parse(path.read_text("utf-8"))


@pytest.mark.slow
def test_no_pattern_is_made_of_what_a_client_writes() -> None:
    """Patterns are written out, at most in several pieces; whatever else is in one is escaped."""
    functions = {"compile", "match", "fullmatch", "search", "sub", "findall", "finditer", "split"}
    for path, tree in sources("serve", "jobs", "audit_log", "client", "pacs"):
        inside = {n for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)}
        for call in ast.walk(tree):
            if (
                isinstance(call, ast.Call)
                and call in inside
                and ast.unparse(call.func) in {f"re.{name}" for name in functions}
            ):
                pattern = ast.unparse(call.args[0])
                assert isinstance(call.args[0], ast.Constant) or "re.escape(" in pattern, (
                    path, pattern,
                )  # fmt: skip


def test_addresses_that_the_page_makes_of_texts_are_encoded() -> None:
    """Ids are the server's; everything that a person chose is encoded."""
    script = (STATIC / "http.js").read_text("utf-8")
    filled = set(re.findall(r"\$\{([^}]+)\}", "".join(re.findall(r"`[^`]*[/?=][^`]*`", script))))
    plain = {each for each in filled if "encodeURIComponent(" not in each}
    assert plain <= {
        "kind", "id", "file", "format", 'ids.join(",")', "query", "ofBundle(bundle)",
    }, plain  # fmt: skip
    assert "new URLSearchParams({ limit })" in script


# The page: 3.7.1, 15.3.6


def test_the_page_needs_no_plug_in() -> None:
    kinds = {path.suffix for path in STATIC.rglob("*") if path.is_file()}
    assert kinds <= {".html", ".css", ".js", ".json", ".svg", ".png", ".jpg", ".dcm", ".txt"}
    for path in STATIC.glob("*.html"):
        assert not re.search(r"<(object|embed|applet|iframe)\b", path.read_text("utf-8"))


def test_no_script_sets_a_property_two_names_deep() -> None:
    """What pollutes a prototype is `a[x][y] = z` with names of an answer, or a deep merge."""
    for name, script in scripts().items():
        assert not re.search(r"\[[^\]\d]+\]\[[^\]]+\]\s*=[^=]", script), name
        assert "__proto__" not in script, name


# Random numbers and times: 6.5.3, 16.2.2


def test_no_secret_comes_from_a_generator_that_can_be_predicted() -> None:
    for path, tree in sources("serve", "jobs", "audit_log"):
        names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert not {"random", "numpy.random"} & names, path


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/St_Johns"])
def test_times_of_lines_are_utc_wherever_the_server_is(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        line = entry_of(Event("GET /x"), Tail(0, START), 1_800_000_000.0)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert line["time"] == "2027-01-15T08:00:00.000+00:00"
