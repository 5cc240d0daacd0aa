"""Malformed and unusual forms."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from fastapi import Request

from pneumoscope.serve.problems import BadRequest, Busy, Refusal, TooMuch
from pneumoscope.serve.settings import Limits
from pneumoscope.serve.uploads import Upload, UploadBudget, read_upload

KIND = "multipart/form-data; boundary=b"
END = b"--b--\r\n"


def part(head: bytes, content: bytes = b"x") -> bytes:
    return b"--b\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + content + b"\r\n"


FILM = part(b'name="files"; filename="a.png"')


def uploaded(body: bytes, kind: str = KIND, upload_budget: UploadBudget | None = None) -> Upload:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}
    request = Request(scope, receive)
    with (upload_budget or UploadBudget(2**20)).lease() as take:
        return asyncio.run(read_upload(request, Limits(max_files=3), take))


def test_a_form_as_it_should_be() -> None:
    upload = uploaded(FILM + part(b'name="patient"', b"7") + END)
    assert upload.files == (("a.png", b"x"),)
    assert upload.fields == {"patient": "7"}


@pytest.mark.parametrize(
    "body",
    [
        b"".join(part(b'name="f%d"' % n) for n in range(5000)) + END,
        FILM + part(b'name="patient"', b"x" * 5000) + END,
        b"--b\r\n" + b"X-A: b\r\n" * 5000 + FILM + END,
        b"--b\r\nX-A: " + b"b" * 100_000 + b"\r\n" + FILM + END,
        b"\r\nwhat is this",
    ],
    ids=["many fields", "a large field", "many headers", "a large header", "no form"],
)
def test_forms_that_would_cost_too_much_are_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        uploaded(body)
    with pytest.raises(TooMuch):
        uploaded(FILM * 4 + END)


def test_a_form_with_a_field_twice_is_refused() -> None:
    with pytest.raises(BadRequest, match="patient comes twice"):
        uploaded(FILM + 2 * part(b'name="patient"', b"7") + END)


@pytest.mark.parametrize("charset", ["no-such", "undefined", "base64", "utf-16"])
def test_a_strange_charset_is_refused_or_does_no_harm(charset: str) -> None:
    form = FILM + part(b'name="patient"', b"7") + END
    with suppress(BadRequest):
        assert uploaded(form, f"{KIND}; charset={charset}").files[0][1] == b"x"


def test_what_was_received_is_given_back() -> None:
    upload_budget = UploadBudget(2**20)
    for body in (FILM + END, FILM * 4 + END, b"nothing"):
        with suppress(Refusal):
            uploaded(body, upload_budget=upload_budget)
    with upload_budget.lease() as take:
        take(2**20)  # the whole budget is free again


def test_one_user_does_not_take_the_whole_budget() -> None:
    budget = UploadBudget(100, owner_share=0.75)
    with budget.lease("ann") as first, budget.lease("ann") as second, budget.lease("bob") as other:
        other(1)
        first(50)
        with pytest.raises(Busy):
            second(26)  # 76 of 100, and others use some
        second(25)
        other(24)
    with budget.lease("bob") as take:
        take(75)


def test_a_user_without_others_may_use_the_whole_budget() -> None:
    budget = UploadBudget(100, owner_share=0.75)
    with budget.lease("ann") as first, budget.lease("ann") as second:
        first(50)
        second(50)
        with pytest.raises(Busy):
            second(1)  # after the first request there will be space
        with budget.lease("bob") as other, pytest.raises(Busy):
            other(1)


def test_what_never_fits_is_not_asked_for_again() -> None:
    budget = UploadBudget(100, owner_share=0.75)
    with budget.lease("ann") as take, budget.lease("bob") as other:
        other(1)
        take(60)
        with pytest.raises(TooMuch, match="more than 100 bytes"):
            take(41)
    with budget.lease("bob") as take:
        take(100)
