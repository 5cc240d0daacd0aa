"""The folder that ``pneumoscope export web`` writes."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from npm_packages import CONTENT, DECODER, RUNTIME
from pneumoscope.bundle import Bundle, open_bundle
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.decision.profile import write_profile
from pneumoscope.errors import ProfileMismatch, UsageError
from pneumoscope.images.samples import sample_films
from pneumoscope.languages.current import LANGUAGES
from pneumoscope.web import page
from pneumoscope.web.page import ExportedPage, export_page
from tiny import site_profile

PACKAGES = {
    file.target: CONTENT[file.path] for package in (RUNTIME, DECODER) for file in package.files
}


@pytest.fixture(autouse=True)
def tiny_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PACKAGES", (RUNTIME, DECODER))
    monkeypatch.setattr(page, "obtain", lambda _place, _say: (PACKAGES, ()))


def export(target: Path, *bundles: Bundle) -> ExportedPage:
    return export_page(target, [bundle.path for bundle in bundles], None)


def test_the_page_has_everything_that_it_needs(tmp_path: Path, tiny_bundle: Bundle) -> None:
    exported = export(tmp_path / "page", tiny_bundle)
    folder = exported.path
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert exported.files == len(files)
    assert exported.size_bytes == sum((folder / file).stat().st_size for file in files)
    assert {"index.html", "sw.js", "manifest.webmanifest", "static/local.js"} <= files
    assert {f"static/samples/{film.name}" for film in sample_films()} <= files
    assert (folder / "static/models/bundle.onnx").read_bytes() == tiny_bundle.model.read_bytes()
    # Nothing of a server's sign-in is there.
    assert not {"static/http.js", "static/login.html", "static/login.js"} & files
    packed = (folder / "static/runtime/ort-wasm.wasm.gz").read_bytes()
    assert gzip.decompress(packed) == CONTENT["dist/ort.wasm"]
    decoder = (folder / "static/codecs/decoder.js").read_text()
    assert decoder.endswith("\nexport default Decoder;\n")
    assert "tiny-runtime@1.2.3: MIT" in (folder / "static/runtime/LICENCES.txt").read_text()


def test_every_import_of_a_script_is_there(tmp_path: Path, tiny_bundle: Bundle) -> None:
    static = export(tmp_path / "page", tiny_bundle).path / "static"
    for script in static.rglob("*.js"):
        for name in re.findall(r'(?:from|import\() *"(\.[^"`$]+)"', script.read_text()):
            assert (script.parent / name).is_file() or "codecs/" in name, (script.name, name)


def test_the_modules_of_the_page_are_fetched_at_once(tmp_path: Path, tiny_bundle: Bundle) -> None:
    folder = export(tmp_path / "page", tiny_bundle).path
    preloaded = re.findall(r'modulepreload" href="([^"]+)"', (folder / "index.html").read_text())
    assert len(set(preloaded)) == len(preloaded) > 40
    assert {"static/app.js", "static/local.js", "static/films/problems.js"} <= set(preloaded)
    assert not {"static/network-worker.js", "static/film-worker.js"} & set(preloaded)
    assert all((folder / path).is_file() for path in preloaded)


def test_films_cannot_be_sent_elsewhere(tmp_path: Path, tiny_bundle: Bundle) -> None:
    index = (export(tmp_path / "page", tiny_bundle).path / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', index)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "'self'"
    assert rules["worker-src"] == "'self' blob:"
    assert rules["form-action"] == "'none'"
    assert not re.search(r"(src|href)=\"(https?:)?//", index)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_does_not_speak_of_a_server(
    tmp_path: Path, tiny_bundle: Bundle, language: str
) -> None:
    static = export(tmp_path / "page", tiny_bundle).path / "static"
    texts = json.loads((static / f"texts.{language}.json").read_text())
    del texts["problems"]["status"], texts["account"], texts["login"]  # only a server has these
    # In German the words are the same, but capital.
    assert not re.findall(r"\b[Ss]erver\b", json.dumps(texts))
    assert texts["welcome"]["title"]  # the others are there


def test_the_page_installs_and_is_kept_offline(tmp_path: Path, tiny_bundle: Bundle) -> None:
    folder = export(tmp_path / "page", tiny_bundle).path
    manifest = json.loads((folder / "manifest.webmanifest").read_text())
    assert (manifest["start_url"], manifest["display"]) == ("./", "standalone")
    for icon in manifest["icons"]:
        assert (folder / icon["src"]).is_file()
    script = (folder / "sw.js").read_text()
    listed = json.loads(script.removeprefix("self.PAGE_FILES = ").partition(";\n")[0])
    assert listed["version"] == json.loads((folder / "static/page.json").read_text())["version"]
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(listed["files"]) == (files - {"sw.js"}) | {""}


def test_a_bundle_whose_name_has_signs_of_addresses(tmp_path: Path, tiny_bundle: Bundle) -> None:
    copy = tmp_path / "run #2, 50%"
    shutil.copytree(tiny_bundle.path, copy)
    folder = export_page(tmp_path / "page", [copy], None).path
    assert (folder / "static/models/run #2, 50%.onnx").is_file()
    address = "models/run%20%232%2C%2050%25.onnx"
    content = json.loads((folder / "static/page.json").read_text())
    assert content["bundles"]["run #2, 50%"]["model"] == address
    digest = hashlib.sha256((tiny_bundle.path / "model.onnx").read_bytes()).digest()
    assert content["integrity"][address] == f"sha256-{base64.b64encode(digest).decode()}"
    listed = json.loads(
        (folder / "sw.js").read_text().removeprefix("self.PAGE_FILES = ").partition(";\n")[0]
    )
    assert f"static/{address}" in listed["files"]


def test_a_site_profile_goes_to_the_bundle_that_it_belongs_to(
    tmp_path: Path, tiny_bundle: Bundle, lungs_bundle: Bundle
) -> None:
    copy = tmp_path / "other"
    shutil.copytree(lungs_bundle.path, copy)
    file = tmp_path / "site.json"
    scores = Scores({"PNEUMONIA": Sides((0.2,) * 40, (0.5,) * 40)}, {})
    write_profile(file, site_profile(bundle_sha256=lungs_bundle.sha256, conformal=scores))
    bundles = [tiny_bundle.path, copy]
    folder = export_page(tmp_path / "page", bundles, None, profile=file).path
    content = json.loads((folder / "static/page.json").read_text())
    assert content["bundles"]["bundle"]["profile"] is None
    profile = content["bundles"]["other"]["profile"]
    assert profile["title"] == content["models"]["other"]["profile"]
    assert profile["points"][0]["point"]["threshold"] == 0.4
    assert "reference" not in profile  # figures on single films, which decide nothing
    with pytest.raises(ProfileMismatch, match="not for tiny 1"):
        export_page(tmp_path / "page", [tiny_bundle.path], None, profile=file)


def test_the_page_is_written_into_the_current_folder(
    tmp_path: Path, tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page").mkdir()
    monkeypatch.chdir(tmp_path / "page")
    exported = export(Path(), tiny_bundle)
    assert (tmp_path / "page/index.html").is_file()
    assert exported.path.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path, tiny_bundle: Bundle) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "page").symlink_to(tmp_path / "disk")
    export(tmp_path / "page", tiny_bundle)
    assert (tmp_path / "page").is_symlink()
    assert (tmp_path / "disk/index.html").is_file()


def test_the_version_changes_with_the_content_alone(
    tmp_path: Path, tiny_bundle: Bundle, lungs_bundle: Bundle
) -> None:
    def version(name: str, bundle: Bundle) -> str:
        content = json.loads(
            (export(tmp_path / name, bundle).path / "static/page.json").read_text()
        )
        return str(content["version"])

    first = version("a", tiny_bundle)
    assert version("b", tiny_bundle) == version("a", tiny_bundle) == first
    assert version("c", lungs_bundle) != first


def test_other_content_is_not_replaced(tmp_path: Path, tiny_bundle: Bundle) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty and not a page"):
        export(tmp_path, tiny_bundle)
    with pytest.raises(UsageError, match="is a file"):
        export(tmp_path / "notes.txt", tiny_bundle)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_two_bundles_of_one_name(tmp_path: Path, tiny_bundle: Bundle, lungs_bundle: Bundle) -> None:
    with pytest.raises(UsageError, match="two bundles are called bundle"):
        export(tmp_path / "page", tiny_bundle, lungs_bundle)
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_called_as_the_choice_for_each_film(tmp_path: Path, tiny_bundle: Bundle) -> None:
    """The page offers "automatic" beside the bundles: a bundle of that name could not be chosen."""
    automatic = tmp_path / "automatic"
    shutil.copytree(tiny_bundle.path, automatic)
    with pytest.raises(UsageError, match="a bundle is called automatic"):
        export(tmp_path / "page", open_bundle(automatic))
    assert not (tmp_path / "page").exists()
