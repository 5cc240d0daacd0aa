"""The audit log: a chain that shows every change."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import Request

from in_process import Clock, small
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.audit_log.lines import canonical
from pneumoscope.audit_log.log import (
    GAP,
    HEAD,
    LOG,
    MINOR,
    START,
    TORN,
    AuditLog,
    Event,
    Tail,
)
from pneumoscope.errors import AuditLogDamaged, DiskFull
from pneumoscope.serve.renderings import RENDERINGS
from pneumoscope.serve.security.accounts import LOCAL
from pneumoscope.serve.security.audit_trail import template

KEY = bytes(range(32))


def log_of(folder: Path, lines: int = 4) -> AuditLog:
    log = AuditLog(folder, KEY, Clock())
    for number in range(lines):
        log.append(Event(f"thing {number}", who=LOCAL, where="10.0.0.1", objects=("a" * 32,)))
    return log


def test_a_line_says_who_what_when_from_where_and_how_it_ended(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, KEY, Clock(1_800_000_000.5))
    log.append(Event("GET /x", MINOR, LOCAL, "10.0.0.1", ("a" * 32,), "f" * 64, 403))
    (entry,) = log.entries()
    assert entry.pop("mac")
    assert entry == {
        "seq": 1,
        "time": "2027-01-15T08:00:00.500+00:00",
        "what": "GET /x",
        "outcome": 4,
        "who": {"id": "local", "name": "local", "role": "admin", "via": "local"},
        "where": "10.0.0.1",
        "objects": ["a" * 32],
        "patient": "f" * 64,
        "status": 403,
        "prev": START,
    }


def test_an_untouched_log_verifies(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    tail = log.verify()
    assert tail.seq == 4
    assert log.verify(tail) == tail
    assert AuditLog(tmp_path, KEY).verify() == tail
    assert AuditLog(tmp_path / "none", KEY).verify() == Tail(0, START)


def changed(lines: list[bytes]) -> list[bytes]:
    lines[1] = lines[1].replace(b"10.0.0.1", b"10.0.0.2")
    return lines


def without_one(lines: list[bytes]) -> list[bytes]:
    return lines[:1] + lines[2:]


def swapped(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2], lines[1], lines[3]]


def doubled(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[1], *lines[2:]]


def cut_short(lines: list[bytes]) -> list[bytes]:
    return lines[:-1]


def emptied(_: list[bytes]) -> list[bytes]:
    return []


def forged(lines: list[bytes]) -> list[bytes]:
    """Changed, with a new chain by somebody who does not have the key."""
    import hashlib

    entries = [json.loads(line) for line in lines]
    entries[1]["where"] = "10.0.0.2"
    mac = START
    for entry in entries:
        entry.pop("mac")
        entry["prev"] = mac
        text = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()
        entry["mac"] = mac = hashlib.sha256(text).hexdigest()
    return [json.dumps(e, sort_keys=True, separators=(",", ":")).encode() + b"\n" for e in entries]


def half_a_line(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], lines[3][:20]]


@pytest.mark.parametrize(
    "change",
    [changed, without_one, swapped, doubled, cut_short, emptied, forged, half_a_line],
    ids=lambda f: f.__name__,
)
def test_every_change_is_found(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    log = log_of(tmp_path)
    path = tmp_path / LOG
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(AuditLogDamaged):
        log.verify()


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace(b'"outcome":0,', b'"outcome":0,"outcome":0,'),
        lambda line: b'{"what":"x",' + line[1:],  # the last of two equal keys would count
        lambda line: line.replace(b'":', b'": ', 1),
        lambda line: line.replace(b"thing", b"\\u0074hing"),
        lambda line: b"[" * 100_000 + b"\n",
    ],
)
def test_a_line_is_strict_json(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    log = log_of(tmp_path)
    path = tmp_path / LOG
    lines = path.read_bytes().splitlines(keepends=True)
    changed_line = change(lines[1])
    assert changed_line != lines[1]
    path.write_bytes(b"".join([lines[0], changed_line, *lines[2:]]))
    with pytest.raises(AuditLogDamaged, match="line 2"):
        log.verify()


def unmarked(folder: Path) -> None:
    (folder / HEAD).unlink()


def marked_wrongly(folder: Path) -> None:
    (folder / HEAD).write_text(f"2 {'0' * 64} {'0' * 64}\n")


def rewritten(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / LOG
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))

    return apply


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize(
    "attack",
    [rewritten(cut_short), rewritten(emptied), rewritten(half_a_line), unmarked, marked_wrongly],
    ids=["cut short", "emptied", "half a line", "unmarked", "marked wrongly"],
)
def test_lines_that_come_afterwards_do_not_cover_up_what_is_missing(
    tmp_path: Path, attack: Callable[[Path], None], restarted: bool
) -> None:
    log = log_of(tmp_path)
    attack(tmp_path)
    if restarted or attack in (unmarked, marked_wrongly):  # a running server writes its mark again
        log = AuditLog(tmp_path, KEY, Clock())
    for _ in range(3):
        log.append(Event("as if nothing had happened"))
    with pytest.raises(AuditLogDamaged, match="missing"):
        log.verify()
    events = [entry["what"] for entry in log.entries()]
    assert events.count(GAP) == 1
    assert events[-3:] == ["as if nothing had happened"] * 3


def test_a_crash_between_a_line_and_its_mark_raises_no_alarm(tmp_path: Path) -> None:
    log_of(tmp_path, 3)
    mark = (tmp_path / HEAD).read_bytes()
    AuditLog(tmp_path, KEY).append(Event("the last thing"))
    (tmp_path / HEAD).write_bytes(mark)
    log = AuditLog(tmp_path, KEY)
    log.append(Event("after the crash"))
    assert log.verify().seq == 5


def test_a_server_with_another_key_does_not_start(tmp_path: Path) -> None:
    with small(tmp_path, {"lee": "operator"}) as server:
        server.sign_in("lee")
    (tmp_path / "key").unlink()  # it would make a new one
    with pytest.raises(AuditLogDamaged, match="key is another"), small(tmp_path):
        pass


def test_every_single_byte_counts(tmp_path: Path) -> None:
    log = log_of(tmp_path, 2)
    path = tmp_path / LOG
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(AuditLogDamaged):
            log.verify()


@pytest.mark.parametrize("mac", ["é" * 64, "\ud800", 1, None])
def test_a_signature_of_another_kind_is_one_that_does_not_fit(tmp_path: Path, mac: object) -> None:
    log = log_of(tmp_path, 2)
    path = tmp_path / LOG
    first, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + canonical(json.loads(last) | {"mac": mac}) + b"\n")
    for attempt in (log.verify, AuditLog(tmp_path, KEY).check, log.last_time):
        with pytest.raises(AuditLogDamaged, match="was changed"):
            attempt()


def test_a_mark_that_is_no_text_was_changed(tmp_path: Path) -> None:
    log = log_of(tmp_path, 2)
    head = tmp_path / HEAD
    head.write_bytes(head.read_bytes()[:-3] + b"\xc3\xff\n")
    with pytest.raises(AuditLogDamaged, match="head"):
        log.verify()
    AuditLog(tmp_path, KEY).append(Event("as if nothing had happened"))
    with pytest.raises(AuditLogDamaged, match="missing"):
        log.verify()


def test_a_last_line_without_a_signature_gives_no_time(tmp_path: Path) -> None:
    (tmp_path / LOG).write_bytes(b'{"seq":1}\n')
    with pytest.raises(AuditLogDamaged, match="was changed"):
        AuditLog(tmp_path, KEY).last_time()


def test_the_mark_of_the_last_line_can_be_neither_lost_nor_forged(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    head = tmp_path / HEAD
    first = [*log.entries()][1]
    head.write_text(f"2 {first['mac']} {'0' * 64}\n")
    with pytest.raises(AuditLogDamaged, match="head"):
        log.verify()
    head.unlink()
    with pytest.raises(AuditLogDamaged, match="missing"):
        log.verify()


def test_a_log_that_was_rewritten_with_the_key_does_not_hold_what_somebody_noted(
    tmp_path: Path,
) -> None:
    noted = log_of(tmp_path / "one").verify()
    other = AuditLog(tmp_path / "two", KEY, Clock())
    for number in range(5):
        other.append(Event(f"another thing {number}"))
    other.verify()
    with pytest.raises(AuditLogDamaged, match="line 4 is not the one"):
        other.verify(noted)


def test_another_key_neither_verifies_nor_appends(tmp_path: Path) -> None:
    log_of(tmp_path)
    other = AuditLog(tmp_path, bytes(32))
    with pytest.raises(AuditLogDamaged, match="key is another"):
        other.verify()
    before = (tmp_path / LOG).read_bytes()
    with pytest.raises(AuditLogDamaged, match="key is another"):
        other.append(Event("mine"))
    assert (tmp_path / LOG).read_bytes() == before


def test_threads_and_processes_write_one_chain(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from pneumoscope.audit_log.log import AuditLog, Event\n"
        "log = AuditLog(Path(sys.argv[1]), bytes(range(32)))\n"
        "for n in range(50): log.append(Event(f'child {n}'))"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    log = AuditLog(tmp_path, KEY)
    threads = [
        threading.Thread(target=lambda: [log.append(Event("thread")) for _ in range(50)])
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert child.wait(60) == 0
    assert log.verify().seq == 200


def test_a_line_that_a_crash_tore_is_set_aside(tmp_path: Path) -> None:
    log_of(tmp_path)
    with (tmp_path / LOG).open("ab") as stream:
        stream.write(b'{"seq": 5, "what')
    log = AuditLog(tmp_path, KEY)
    log.append(Event("after the crash"))
    assert log.verify().seq == 5
    assert (tmp_path / TORN).read_bytes() == b'{"seq": 5, "what\n'


def test_long_lines_are_found_again(tmp_path: Path) -> None:
    ids = tuple(f"{n:032x}" for n in range(5000))
    AuditLog(tmp_path, KEY).append(Event("many", objects=ids))
    AuditLog(tmp_path, KEY).append(Event("next"))
    assert AuditLog(tmp_path, KEY).verify().seq == 2


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_of(tmp_path)
    before = (tmp_path / LOG).read_bytes()
    write = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) > 100:
            return write(file, data[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(DiskFull):
        log.append(Event("too much " * 30))
    monkeypatch.undo()
    assert (tmp_path / LOG).read_bytes() == before
    log.append(Event("again"))
    assert log.verify().seq == 5


def test_only_its_owner_reads_the_log(tmp_path: Path) -> None:
    log_of(tmp_path)
    for name in (LOG, HEAD):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_requests_leave_lines_without_what_strangers_write(tmp_path: Path) -> None:
    number = "0123456789abcdef" * 2
    with small(tmp_path, {"lee": "operator"}) as server:
        cookie = server.cookie("lee")
        server("GET", f"/api/v1/things/{number}?q=DOE", cookie=cookie)
        server("GET", "/api/v1/things/DOE-JOHN", cookie=cookie)
        server("GET", "/api/v1/DOE-JOHN", cookie=cookie)
        server("GET", "/api/v1/things/DOE-JOHN")  # nobody
        server("GET", "/api/v1/me", cookie=cookie)  # concerns no patient
        server("GET", "/api/v1/me")  # the page asks for this before anybody has signed in
        server.sign_in("DOE-JOHN", "DOE-JOHN")
        server("DELETE", "/api/v1/predictions", cookie=cookie, origin="https://evil.example")
        server.security.audit.verify()
        lines = [*server.security.audit.entries()]
    events = [(e["what"], e["status"], (e["who"] or {}).get("name"), e["outcome"]) for e in lines]
    assert events == [
        ("sign in", 200, "lee", 0),
        ("GET /api/v1/things/{id}", 200, "lee", 0),
        ("GET /api/v1/things/{...}", 200, "lee", 0),
        ("GET /api/v1/{...}", 404, "lee", 4),
        ("GET /api/v1/things/{...}", 401, None, 4),
        ("sign in", 401, None, 4),
        ("DELETE /api/v1/predictions", 403, None, 4),
    ]
    assert lines[1]["objects"] == [number]
    assert {line["where"] for line in lines} == {"127.0.0.1"}
    assert "DOE" not in (tmp_path / LOG).read_text()


@pytest.mark.parametrize("name", [*RENDERINGS, *KINDS])
def test_lines_name_what_was_asked_of_a_result(name: str) -> None:
    path = f"/api/v1/predictions/{'0' * 32}/{name}"
    request = Request({"type": "http", "path": path, "query_string": b"", "headers": []})
    assert template(request).endswith(f"/{{id}}/{name}")


def test_no_line_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small(tmp_path, {"lee": "operator"}) as server:
        cookie = server.cookie("lee")

        def full(_: Event) -> None:
            raise DiskFull("audit-log.jsonl")

        monkeypatch.setattr(server.security.audit, "append", full)
        for answer in (
            server("GET", "/api/v1/things/1", cookie=cookie),
            server("DELETE", "/api/v1/predictions", cookie=cookie, origin="https://evil.example"),
            server.sign_in("lee"),
        ):
            assert answer.status_code == 503
            assert answer.json()["code"] == "NoAuditLog"
            assert "set-cookie" not in answer.headers


def test_an_address_of_many_ids_does_not_fill_the_log(tmp_path: Path) -> None:
    path = (
        "/api/v1/things"
        + f"/{'0123456789abcdef' * 2}" * 100
        + "".join(f"/{number:032x}" for number in range(1000))
    )
    with small(tmp_path, {"lee": "operator"}) as server:
        assert server("GET", path, cookie=server.cookie("lee")).status_code == 404
        *_, line = server.security.audit.entries()
    assert line["status"] == 404
    assert len(json.dumps(line)) < 1000


def test_strangers_cannot_fill_the_log(tmp_path: Path) -> None:
    with small(tmp_path, {"lee": "operator"}) as server:
        for _ in range(100):
            assert server("GET", "/api/v1/things/1").status_code == 401
        assert len([*server.security.audit.entries()]) <= 22  # 20 at once, 10 a minute
