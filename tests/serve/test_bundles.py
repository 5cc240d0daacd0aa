"""A server of several bundles: each request is read by the bundle that it names."""

from __future__ import annotations

import base64
import csv
import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import pneumoscope
from answers import assert_problem
from grey_films import BRIGHT, DARK
from in_process import running
from live import Live, serving
from pneumoscope.bundle import Bundle, open_bundle, write_bundle
from pneumoscope.cli.app import app
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.decision.profile import write_profile
from pneumoscope.errors import ProfileMismatch, ServerError, UsageError
from pneumoscope.jobs.bundles import load_bundles
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.records import Settings
from pneumoscope.serve.app import create_app
from pneumoscope.serve.bundles import served_bundles
from pneumoscope.serve.settings import ServeSettings
from queue_parts import Parts
from tiny import site_profile, tiny_files, tiny_meta

SETTINGS = "/api/v1/settings"


@pytest.fixture(scope="module")
def folders(
    tiny_bundle: Bundle, findings_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    """Folders of the bundles ``three-classes`` and ``findings``."""
    root = tmp_path_factory.mktemp("bundles")
    for bundle, name in ((tiny_bundle, "three-classes"), (findings_bundle, "findings")):
        shutil.copytree(bundle.path, root / name)
    return str(root / "three-classes"), str(root / "findings")


@pytest.fixture(scope="module")
def two(folders: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server of both bundles; the first is the default."""
    folder = tmp_path_factory.mktemp("state")
    with serving(ServeSettings(folder=folder, bundle=folders, threads=1)) as live:
        yield live


def test_a_request_is_read_by_the_bundle_that_it_names(
    two: Live, tiny_bundle: Bundle, findings_bundle: Bundle
) -> None:
    default, named, findings = (
        two.read(BRIGHT, **fields)[0]["result"]
        for fields in ({}, {"bundle": "three-classes"}, {"bundle": "findings"})
    )
    assert default["bundle_sha256"] == named["bundle_sha256"] == tiny_bundle.sha256
    assert findings["bundle_sha256"] == findings_bundle.sha256
    assert list(default["probabilities"]) == list(tiny_bundle.meta.labels)
    assert list(findings["probabilities"]) == list(findings_bundle.meta.labels)
    assert (default["findings"], len(findings["findings"])) == ([], 3)


def test_films_for_several_bundles_share_a_job_queue_but_no_results(two: Live) -> None:
    jobs = [
        two.send(BRIGHT, DARK, headers={"Prefer": "respond-async"}, data={"bundle": name})
        for name in ("three-classes", "findings", "three-classes")
    ]
    shown = [two.finished(job.json()["job"]["id"])["predictions"] for job in jobs]
    assert [[film["result"]["bundle"] for film in films] for films in shown] == [
        [two.client.get("/api/v1/model", params={"bundle": name}).json()["bundle"]] * 2
        for name in ("three-classes", "findings", "three-classes")
    ]


def test_a_bundle_that_is_not_served_is_refused(two: Live, folders: tuple[str, str]) -> None:
    before = two.client.get("/api/v1/predictions").json()
    for name in ("children", folders[0], "../three-classes", "Findings"):
        problem = assert_problem(two.send(BRIGHT, data={"bundle": name}), 422, "BundleNotServed")
        assert problem["detail"] == f"bundle {name!r} is not served here"
        assert problem["hint"] == "Choose one of: three-classes, findings."
        for path in (SETTINGS, "/api/v1/model"):
            answer = two.client.get(path, params={"bundle": name})
            assert_problem(answer, 422, "BundleNotServed")
    assert two.client.get("/api/v1/predictions").json() == before


def test_settings_are_those_of_the_bundle(two: Live) -> None:
    default = two.client.get(SETTINGS).json()
    findings = two.client.get(SETTINGS, params={"bundle": "findings"}).json()
    assert default == two.client.get(SETTINGS, params={"bundle": "three-classes"}).json()
    assert [bundle["name"] for bundle in default["bundles"]] == ["three-classes", "findings"]
    assert [bundle["default"] for bundle in default["bundles"]] == [True, False]
    assert findings["bundles"] == default["bundles"]
    assert default["prevalence"] is True
    assert findings["prevalence"] is False  # several findings have no single prevalence
    assert "prevalence" not in findings["form"]["properties"]
    refused = two.send(BRIGHT, data={"bundle": "findings", "prevalence": "0.05"})
    assert_problem(refused, 422, "UsageError")
    assert two.send(BRIGHT, data={"prevalence": "0.05"}).status_code == 200


def test_a_table_has_the_columns_of_all_bundles(two: Live) -> None:
    two.client.delete("/api/v1/predictions")
    for name in ("three-classes", "findings"):
        two.read(BRIGHT, bundle=name)
    text = two.client.get("/api/v1/predictions/export").text
    newest, first = csv.DictReader(io.StringIO(text))
    labels = [two.client.get("/api/v1/model", params={"bundle": b["name"]}).json()["labels"]
              for b in two.client.get(SETTINGS).json()["bundles"]]  # fmt: skip
    for row, filled in ((first, labels[0]), (newest, labels[1])):
        assert {label for label in {*labels[0], *labels[1]} if row[f"p_{label}"]} == set(filled)


def test_the_client_names_a_bundle(two: Live, findings_bundle: Bundle, tmp_path: Path) -> None:
    with pneumoscope.Client(two.url) as client:
        record = client.predict(BRIGHT[1], bundle="findings")
        assert record.prediction is not None
        assert record.prediction.bundle_sha256 == findings_bundle.sha256
        [(outcome, _)] = client.predict_many([BRIGHT[1]], bundle="findings")
        assert outcome.prediction is not None
        assert outcome.prediction.bundle_sha256 == findings_bundle.sha256
        [read] = client.follow(client.submit([BRIGHT[1]], bundle="findings"))
        assert read.prediction is not None
        assert read.prediction.bundle_sha256 == findings_bundle.sha256
        assert client.model("findings")["bundle_sha256"] == findings_bundle.sha256
        assert client.choices("findings")["prevalence"] is False
        for call in (client.model, client.choices):
            with pytest.raises(ServerError, match="not served here") as error:
                call("nonsense")
            assert error.value.status == 422


def test_predict_on_a_server_names_a_bundle(
    two: Live, folders: tuple[str, str], film_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(*options: str) -> str:
        with pytest.raises(SystemExit) as done:
            app(["predict", str(film_files), "--csv", *options], standalone_mode=False)
        assert done.value.code == 0
        return capsys.readouterr().out

    on_server = printed("--server", two.url, "--bundle", "findings")
    assert on_server == printed("--bundle", folders[1])


@pytest.mark.parametrize("served", [True, False])
def test_films_of_an_earlier_run_are_read_by_their_bundle(
    folders: tuple[str, str], tmp_path: Path, served: bool
) -> None:
    parts = Parts(tmp_path, keep_films=True, url=f"sqlite:///{tmp_path / 'reading-room.sqlite'}")
    request = JobRequest("local", Settings(), bundle="findings")
    job = parts.jobs.accept(request, [UploadedFile(*BRIGHT)])
    parts.store.close()
    (tmp_path / "key").write_text(base64.b64encode(bytes(range(32))).decode())
    (tmp_path / "key").chmod(0o600)
    settings = ServeSettings(
        folder=tmp_path, bundle=folders if served else folders[:1], threads=1, keep_films=True
    )
    with running(create_app(settings)) as server:
        services = server.app.state.services
        assert services.queue.drain(60)
        [row] = services.store.of_job("local", job)
    if served:
        assert row.result["bundle_sha256"] == open_bundle(folders[1]).sha256
    else:
        assert row.error["code"] == "BundleNotServed"
        assert row.error["hint"] == "Choose one of: three-classes."


def test_a_site_profile_is_used_with_its_own_bundle_only(
    folders: tuple[str, str], tmp_path: Path
) -> None:
    path, shares = tmp_path / "site.json", tuple(i / 40 for i in range(40))
    scores = Scores({"PNEUMONIA": Sides(shares, shares)}, {"bacterial": shares, "viral": shares})
    sha256 = open_bundle(folders[0]).sha256
    write_profile(path, site_profile(bundle_sha256=sha256, conformal=scores))
    for order in (folders, folders[::-1]):
        bundles = load_bundles(order, path, threads=1)
        used = {name: classifier.profile is not None for name, classifier in bundles.items()}
        assert used == {"three-classes": True, "findings": False}
        assert list(bundles) == [Path(folder).name for folder in order]
    write_profile(path, site_profile(bundle_sha256="0" * 64, conformal=scores))
    with pytest.raises(ProfileMismatch):
        load_bundles(folders, path, threads=1)


def test_bundles_of_one_name_cannot_be_served(folders: tuple[str, str], tmp_path: Path) -> None:
    shutil.copytree(folders[0], tmp_path / "three-classes")
    with pytest.raises(UsageError, match="two bundles are called three-classes"):
        load_bundles((folders[0], str(tmp_path / "three-classes")))


def test_the_shipped_bundles_are_served_where_none_is_named() -> None:
    bundles = load_bundles(threads=1)
    assert list(bundles) == ["children", "adults"]
    assert served_bundles(bundles) == [
        {
            "name": name,
            "bundle": bundles[name].bundle.title,
            "bundle_sha256": bundles[name].bundle.sha256,
            "default": name == "children",
            "positive": positive,
            "population": bundles[name].bundle.meta.population.text,
        }
        for name, positive in (("children", "PNEUMONIA"), ("adults", "ABNORMAL"))
    ]


def test_networks_of_other_sizes_get_films_of_their_size(
    folders: tuple[str, str], tmp_path: Path
) -> None:
    meta = replace(tiny_meta(), source_size=112, name="coarse")
    coarse = write_bundle(tmp_path / "coarse", meta, tiny_files(tmp_path / "parts"))
    settings = ServeSettings(
        folder=tmp_path / "state", bundle=(folders[0], str(coarse.path)), threads=1
    )
    with running(create_app(settings)) as server:
        readers = server.app.state.services.readers
        assert readers.decode_options().source_size == 224
        assert readers.decode_options("coarse").source_size == 112
        for name in ("three-classes", "coarse"):
            answer = server(
                "POST", "/api/v1/predictions", files=[("files", BRIGHT)], data={"bundle": name}
            )
            assert answer.json()["predictions"][0]["result"]["label"] == "PNEUMONIA"
