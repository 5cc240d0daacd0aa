from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import pneumoscope
from command_line import run
from pneumoscope.bundle import SHIPPED, Bundle, NamedBundle, named_bundles, open_bundle
from pneumoscope.bundle.names import BUNDLES
from pneumoscope.errors import BundleMissing, UnknownBundle


@pytest.fixture
def ward(tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reader's folder of bundles with one, ``tiny``, and a folder that is none."""
    folder = tmp_path / "bundles"
    shutil.copytree(tiny_bundle.path, folder / "tiny")
    (folder / "notes").mkdir()
    monkeypatch.setenv("PNEUMOSCOPE_BUNDLES", str(folder))
    return folder


SHIPPED_BUNDLES = (
    NamedBundle("adults", BUNDLES / "adults", shipped=True),
    NamedBundle("children", SHIPPED, shipped=True),
)


def test_the_shipped_bundles_have_names() -> None:
    assert named_bundles() == SHIPPED_BUNDLES
    assert open_bundle("children").sha256 == open_bundle().sha256
    assert open_bundle("adults").path == BUNDLES / "adults"


def test_a_reader_s_folder_of_bundles(ward: Path, tiny_bundle: Bundle) -> None:
    assert [(b.name, b.shipped) for b in named_bundles()] == [
        ("adults", True),
        ("children", True),
        ("tiny", False),
    ]
    assert pneumoscope.load("tiny").bundle.sha256 == tiny_bundle.sha256
    assert open_bundle().path == SHIPPED


def test_several_folders_and_those_that_do_not_exist(
    ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ward / "tiny", tmp_path / "more" / "other")
    folders = (ward, tmp_path / "none", tmp_path / "more")
    monkeypatch.setenv("PNEUMOSCOPE_BUNDLES", os.pathsep.join(map(str, folders)))
    assert [bundle.name for bundle in named_bundles()] == ["adults", "children", "other", "tiny"]


def test_a_reader_s_bundle_comes_before_a_shipped_one_of_its_name(
    ward: Path, tiny_bundle: Bundle
) -> None:
    (ward / "tiny").rename(ward / "children")
    mine = NamedBundle("children", ward / "children", shipped=False)
    assert named_bundles() == (SHIPPED_BUNDLES[0], mine)
    assert open_bundle("children").sha256 == tiny_bundle.sha256
    assert open_bundle().path == SHIPPED  # nobody chose


def test_an_unknown_name_lists_the_known_ones(ward: Path) -> None:
    with pytest.raises(UnknownBundle, match="bundle flagshp: no such folder") as error:
        open_bundle("flagshp")
    assert "adults, children, tiny" in error.value.hint
    assert isinstance(error.value, BundleMissing)


def test_a_folder_that_is_a_bundle_comes_before_a_name(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "children").mkdir()  # such as the folder of a run
    assert open_bundle("children").path == SHIPPED
    shutil.copytree(tiny_bundle.path, tmp_path / "children", dirs_exist_ok=True)
    assert open_bundle("children").sha256 == tiny_bundle.sha256


@pytest.mark.parametrize("given", ["here/nowhere", ".", ""])
def test_what_is_no_name_is_a_folder(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleMissing) as error:
        open_bundle(given)
    assert not isinstance(error.value, UnknownBundle)


def test_the_command_line_takes_names(ward: Path) -> None:
    assert "tiny 1" in run("info", "--bundle", "tiny").stdout
    wrong = run("info", "--bundle", "tny")
    assert wrong.returncode == 1
    assert "no bundle has this name" in wrong.stderr
    assert "adults, children, tiny" in wrong.stderr


def test_a_folder_that_may_not_be_looked_into_hides_no_other_bundle(
    ward: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tests may run as root, who may look everywhere.
    (ward / "lost+found").mkdir()
    is_file = Path.is_file

    def refusing(path: Path) -> bool:
        if path.parent.name == "lost+found":
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refusing)
    assert [bundle.name for bundle in named_bundles()] == ["adults", "children", "tiny"]
    assert open_bundle("tiny").title == "tiny 1"


def test_a_variable_that_names_nothing_hides_no_shipped_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    for value in ("", os.pathsep, str(tmp_path / "file"), str(tmp_path / "empty")):
        monkeypatch.setenv("PNEUMOSCOPE_BUNDLES", value)
        assert named_bundles() == SHIPPED_BUNDLES


def test_the_first_folder_wins(
    ward: Path, findings_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(findings_bundle.path, tmp_path / "other" / "tiny")
    for folders, title in (
        ((ward, tmp_path / "other"), "multiclass"),
        ((tmp_path / "other", ward), "multilabel"),
    ):
        monkeypatch.setenv("PNEUMOSCOPE_BUNDLES", os.pathsep.join(map(str, folders)))
        assert open_bundle("tiny").meta.task == title


def test_a_link_is_a_bundle_of_the_link_s_name(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "latest").symlink_to(tiny_bundle.path)
    (tmp_path / "broken").symlink_to(tmp_path / "gone")
    monkeypatch.setenv("PNEUMOSCOPE_BUNDLES", str(tmp_path))
    assert [bundle.name for bundle in named_bundles()] == ["adults", "children", "latest"]
    assert open_bundle("latest").sha256 == tiny_bundle.sha256
