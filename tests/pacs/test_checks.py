"""What `pneumoscope pacs --check` finds before the first film arrives."""

from __future__ import annotations

import socket
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from archives import archive, certificate, settings_for, unclosed_sockets
from pneumoscope.bundle import Bundle
from pneumoscope.jobs.pipeline import open_job_database
from pneumoscope.pacs import checks as checks_module
from pneumoscope.pacs.checks import NamedCheck, run_checks
from pneumoscope.pacs.config import AuditSettings, DiskLimits, NodeSettings, ReceiverSettings
from pneumoscope.pacs.destinations.connection_settings import HttpSettings, TlsSettings
from pneumoscope.pacs.destinations.settings import CStoreSettings, FolderSettings
from pneumoscope.pacs.pull.settings import PullSettings
from stored_results import Results

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


def settings_in(folder: Path, bundle: Bundle) -> NodeSettings:
    return NodeSettings(
        folder=folder / "node",
        bundles=(str(bundle.path),),
        receiver=ReceiverSettings(port=0),
        disk=DiskLimits(free_bytes=1),
        destinations=(FolderSettings("here", folder / "out", ("sr",)),),
    )


def failed(settings: NodeSettings) -> dict[str, NamedCheck]:
    checks = {check.name: check for check in run_checks(settings) if not check.ok}
    assert all(check.hint for check in checks.values())
    return checks


def test_a_sound_configuration_passes(tiny_bundle: Bundle, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, tiny_bundle)
    checks = run_checks(settings)
    assert [check.name for check in checks] == [
        "folder", "disk", "key", "clock", "bundles", "port", "destination here",
    ]  # fmt: skip
    assert all(check.ok for check in checks)
    assert tiny_bundle.sha256[:12] in checks[4].text


def test_films_that_have_used_their_share_are_named(tiny_bundle: Bundle, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, tiny_bundle)
    settings.films_folder.mkdir(parents=True)
    (settings.films_folder / ("f" * 32)).write_bytes(bytes(2**20))
    enough, full = DiskLimits(2**21, 1), DiskLimits(2**20, 1)
    assert not failed(replace(settings, disk=enough))
    check = failed(replace(settings, disk=full))["disk"]
    assert "every film is refused until results are delivered" in check.text
    assert "queue list --state undelivered" in check.hint


def test_each_thing_that_is_wrong_is_named(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = settings_in(tmp_path, tiny_bundle)
    assert failed(replace(sound, disk=DiskLimits(free_bytes=2**62))).keys() == {"disk"}
    assert failed(replace(sound, bundles=("nonsense",))).keys() == {"bundles"}
    assert failed(replace(sound, key_file=tmp_path / "no key")).keys() == {"key"}
    assert failed(replace(sound, destinations=())).keys() == {"destinations"}
    elsewhere = FolderSettings("here", tmp_path / "missing" / "out", ("sr",))
    assert failed(replace(sound, destinations=(elsewhere,))).keys() == {"destination here"}
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert "folder" in failed(replace(sound, folder=tmp_path / "file"))
    with closing(socket.create_server(("127.0.0.1", 0))) as busy:
        port = busy.getsockname()[1]
        wrong = failed(replace(sound, receiver=ReceiverSettings(port=port)))
        assert f"cannot listen on 127.0.0.1 port {port}" in wrong["port"].text
        metrics = failed(replace(sound, metrics_port=port))
        assert f"cannot listen on 127.0.0.1 port {port}" in metrics["metrics port"].text
    receiver = ReceiverSettings(port=port)
    same = failed(replace(sound, receiver=receiver, metrics_port=port))["metrics port"]
    assert same.text.endswith("is that of the receiver, too")
    monkeypatch.setattr(checks_module, "_EARLIEST", datetime.max.replace(tzinfo=checks_module.UTC))
    assert failed(sound).keys() == {"clock"}


def test_a_running_node_is_recognised(tiny_bundle: Bundle, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, tiny_bundle)
    settings.folder.mkdir()
    database = open_job_database(settings.folder, settings.database_url)
    (port,) = [check for check in run_checks(settings) if check.name == "port"]
    assert port.ok
    assert port.text.endswith("a node is running with this configuration")
    database.close()


def test_results_for_a_destination_that_was_renamed_are_counted(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path, tiny_bundle)
    results = Results(tmp_path)
    for destinations in (("old name", "here"), ("old name",), ("here",)):
        results.add(*destinations)
    results.store.close()
    settings.folder.mkdir()
    (tmp_path / "x.sqlite").rename(settings.folder / "node.sqlite")
    (check,) = failed(settings).values()
    assert check.name == "destination old name"
    assert check.text == "2 results wait for old name, which is not in the configuration"
    assert f"`pneumoscope queue redirect 'old name' NEW --folder {settings.folder}`" in check.hint
    (settings.folder / "node.sqlite").write_bytes(b"nonsense" * 1000)
    assert "database" in failed(settings)


def test_an_archive_is_asked_by_c_echo(tiny_bundle: Bundle, tmp_path: Path) -> None:
    sound = settings_in(tmp_path, tiny_bundle)
    with unclosed_sockets():
        with archive() as received:
            destination = settings_for(received)
            assert failed(replace(sound, destinations=(destination,))) == {}
            stranger = replace(destination, called_ae="OTHER")
            assert failed(replace(sound, destinations=(stranger,))).keys() == {
                "destination archive"
            }
        assert failed(replace(sound, destinations=(destination,))).keys() == {"destination archive"}


def test_dates_of_certificates_are_checked(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path, "node")  # valid for a day
    file.chmod(0o600)
    settings = replace(
        settings_in(tmp_path, tiny_bundle),
        receiver=ReceiverSettings(port=0, certificate=file),
    )
    (check,) = [check for check in run_checks(settings) if check.name == "certificate"]
    assert check.ok
    assert check.text.endswith("0 days: renew it soon")
    file.chmod(0o644)
    assert failed(settings).keys() == {"certificate"}
    file.chmod(0o600)

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime(2099, 1, 1, tzinfo=checks_module.UTC)

    monkeypatch.setattr(checks_module, "datetime", Later)
    assert "has expired" in failed(settings)["certificate"].text
    ours = TlsSettings(authority=file, certificate=file)
    away = CStoreSettings("away", "127.0.0.1", 1, "X", tls=ours)
    pull = PullSettings("ward", "orthanc", HttpSettings("https://127.0.0.1:1", tls=ours))
    syslog = AuditSettings("tls://127.0.0.1:1", tls=ours)
    outward = replace(
        settings_in(tmp_path, tiny_bundle), destinations=(away,), sources=(pull,), audit=syslog
    )
    texts = {name: check.text for name, check in failed(outward).items()}
    assert texts == dict.fromkeys(
        ("destination away", "pull ward", "audit"), f"{file}: no authority in it is valid now"
    )
