"""The application from its start to its end: services, page, and its background tasks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from in_process import running
from pneumoscope.errors import UsageError
from pneumoscope.jobs.service import JobService
from pneumoscope.serve import app as app_module
from pneumoscope.serve.admin.privacy import RetentionCleanup
from pneumoscope.serve.app import create_app
from pneumoscope.serve.services import Services
from pneumoscope.serve.settings import ServeSettings


def test_services_exist_while_the_app_runs(small: ServeSettings) -> None:
    app = create_app(small)
    assert app.state.services is None
    with running(app) as server:
        services = app.state.services
        assert isinstance(services, Services)
        assert server("GET", "/readyz").json() == {"status": "ready"}
    assert app.state.services is None
    assert not services.queue.accepting


def test_the_page_and_its_files_are_served(small: ServeSettings) -> None:
    with running(create_app(small)) as server:
        for path in ("/", "/login"):
            answer = server("GET", path)
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert server("GET", "/static/index.html").status_code == 200
        assert server("GET", "/static/../app.py").status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"destinations": Path("missing")}, {"tls_cert": Path("missing")}]
)
def test_a_start_that_fails_leaves_nothing_running(
    small: ServeSettings, wrong: dict[str, Path]
) -> None:
    key = {"tls_key": wrong["tls_cert"]} if "tls_cert" in wrong else {}
    with (
        pytest.raises(UsageError, match="missing"),
        running(create_app(replace(small, **wrong, **key))),
    ):
        pass
    with running(create_app(small)) as server:  # it would refuse a database that is in use
        assert server("GET", "/readyz").json() == {"status": "ready"}


class Twice:
    """Counts calls, fails at the first, and stops the loop at the second."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1
        if self.calls == 1:
            raise OSError("the disk is gone")
        raise asyncio.CancelledError


def test_a_cleanup_that_fails_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app_module, "_CLEANUP_S", 0)
    cleanup = Twice()
    cleanup.run = cleanup.__call__  # type: ignore[attr-defined]
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(app_module._clean_up(cast("RetentionCleanup", cleanup)))
    assert cleanup.calls == 2
    assert "old results were not deleted" in caplog.text


def test_results_that_were_not_stored_are_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "_RETRY_S", 0)
    jobs = Twice()
    jobs.calls = 1
    jobs.retry_unsaved = jobs.__call__  # type: ignore[attr-defined]
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(app_module._retry_unsaved(cast("JobService", jobs)))
    assert jobs.calls == 2
