from __future__ import annotations

import hashlib
import importlib.util
import stat
import sys
import types
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from drawn import draw
from pneumoscope.data import obtain as module
from pneumoscope.data.obtain import obtain
from pneumoscope.errors import DataError, MissingExtra, UsageError
from pneumoscope.installation import install_command

FILMS = ["train/NORMAL/IM-1-1.png", "train/PNEUMONIA/person1_virus_1.png", "val/NORMAL/IM-2-1.png"]


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    """Three films as Kaggle's archive holds them: twice, with macOS' shadows."""
    root = tmp_path / "archive"
    for top in ("chest_xray", "chest_xray/chest_xray"):
        draw(root, *(f"{top}/{film}" for film in FILMS))
    for junk in ("chest_xray/__MACOSX/x.png", "chest_xray/train/NORMAL/.DS_Store"):
        (root / junk).parent.mkdir(parents=True, exist_ok=True)
        (root / junk).write_bytes(b"x")
    return root


def packed(folder: Path) -> Path:
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return target


def nothing_left(tmp_path: Path) -> bool:
    return not (tmp_path / "new").exists() and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_copy_has_films_once_and_hashes(tmp_path: Path, kaggle: Path, kind: str) -> None:
    source = kaggle if kind == "folder" else packed(kaggle)
    calls: list[tuple[int, int]] = []
    done = obtain(source, tmp_path / "new", lambda d, t: calls.append((d, t)))
    assert done.films == {"train/NORMAL": 1, "train/PNEUMONIA": 1, "val/NORMAL": 1}
    assert done.warnings[0] == "train/NORMAL: 1 films, Kaggle's set has 1,341"
    files = sorted(p for p in (tmp_path / "new").rglob("*") if p.is_file())
    assert [p.relative_to(tmp_path / "new").as_posix() for p in files] == ["SHA256SUMS", *FILMS]
    lines = (tmp_path / "new" / "SHA256SUMS").read_text().splitlines()
    for name, line in zip(FILMS, lines, strict=True):
        film = (kaggle / "chest_xray" / name).read_bytes()
        assert line == f"{hashlib.sha256(film).hexdigest()}  {name}"
        assert (tmp_path / "new" / name).read_bytes() == film
    assert calls[-1][0] == calls[-1][1] == sum(p.stat().st_size for p in files[1:])
    assert not list(tmp_path.glob(".*"))
    again = obtain(tmp_path / "new", tmp_path / "third")  # held against the hashes
    assert again.films == done.films


def test_other_sets_keep_their_shape(tmp_path: Path) -> None:
    films = [f"{kind}/{i}.png" for kind in ("tb", "normal") for i in range(2)]
    root = draw(tmp_path / "around" / "set", *films)
    (root / "labels.txt").write_text("kept")
    assert obtain(root, tmp_path / "a").films == {"tb": 2, "normal": 2}
    assert (tmp_path / "a" / "labels.txt").read_text() == "kept"
    (root / "labels.txt").unlink()
    done = obtain(packed(root.parent), tmp_path / "b")  # the folder around the classes goes
    assert done.films == {"tb": 2, "normal": 2}
    assert done.warnings == ()


def test_damage_is_noticed_by_hash(tmp_path: Path, kaggle: Path) -> None:
    obtain(kaggle, tmp_path / "first")
    (tmp_path / "first" / FILMS[0]).write_bytes(b"other")
    with pytest.raises(DataError, match="does not match SHA256SUMS"):
        obtain(tmp_path / "first", tmp_path / "new")
    (tmp_path / "first" / FILMS[0]).unlink()
    with pytest.raises(DataError, match="missing from the files of SHA256SUMS"):
        obtain(tmp_path / "first", tmp_path / "new")
    assert nothing_left(tmp_path)


def test_a_taken_place(tmp_path: Path, kaggle: Path) -> None:
    (tmp_path / "new").mkdir()
    assert obtain(kaggle, tmp_path / "new").films  # empty: fine
    with pytest.raises(UsageError, match="exists"):
        obtain(kaggle, tmp_path / "new")


def test_sources_without_films(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        obtain(tmp_path / "no", tmp_path / "new")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("no film")
    with pytest.raises(DataError, match="holds no films"):
        obtain(tmp_path / "notes", tmp_path / "new")
    with pytest.raises(DataError, match="is not a zip file"):
        obtain(tmp_path / "notes" / "a.txt", tmp_path / "new")
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("name", ["../evil.png", "/evil.png", "a/../../evil.png", "C:/evil.png"])
def test_paths_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(DataError, match="may lead out of the folder"):
        obtain(tmp_path / "bad.zip", tmp_path / "new")
    assert nothing_left(tmp_path)
    assert not (tmp_path / "evil.png").exists()


def test_links_are_refused_in_archives_and_left_out_of_folders(
    tmp_path: Path, kaggle: Path
) -> None:
    link = zipfile.ZipInfo("train/NORMAL/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(link, "/etc/hostname")
    with pytest.raises(DataError, match="may lead out"):
        obtain(tmp_path / "bad.zip", tmp_path / "new")
    (kaggle / "chest_xray" / "train" / "NORMAL" / "link.png").symlink_to(tmp_path / "bad.zip")
    assert obtain(kaggle, tmp_path / "new").films["train/NORMAL"] == 1


def test_bombs_are_refused_before_unpacking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SPARE", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(1_000_000))
    with pytest.raises(DataError, match="would unpack to 1,000,000 bytes"):
        obtain(tmp_path / "bomb.zip", tmp_path / "new")
    monkeypatch.setattr(module, "_SPARE", 1 << 26)
    monkeypatch.setattr(module, "MAX_BYTES", 999_999)
    with pytest.raises(DataError, match="the limit is 999,999"):
        obtain(tmp_path / "bomb.zip", tmp_path / "new")
    assert nothing_left(tmp_path)


def test_a_damaged_archive_leaves_nothing(tmp_path: Path, kaggle: Path) -> None:
    archive = tmp_path / "stored.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        stream.write(kaggle / "chest_xray" / FILMS[0], FILMS[0])
    raw = bytearray(archive.read_bytes())
    raw[200] ^= 255  # within the film
    archive.write_bytes(raw)
    with pytest.raises(DataError, match="cannot be unpacked"):
        obtain(archive, tmp_path / "new")
    archive.write_bytes(raw[:-30])
    with pytest.raises(DataError, match="is not a zip file"):
        obtain(archive, tmp_path / "new")
    assert nothing_left(tmp_path)


def test_two_members_of_one_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        archive.writestr("a.png", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.png", b"2")
    with pytest.raises(DataError, match="cannot be unpacked"):
        obtain(tmp_path / "twice.zip", tmp_path / "new")
    assert nothing_left(tmp_path)


def test_a_full_disk_is_noticed_before(
    tmp_path: Path, kaggle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = types.SimpleNamespace(free=10)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match="bytes are needed, 10 are free"):
        obtain(kaggle, tmp_path / "new")


def test_an_interrupted_copy_leaves_nothing(tmp_path: Path, kaggle: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        obtain(kaggle, tmp_path / "new", interrupt)
    assert nothing_left(tmp_path)


def test_kaggle_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra) as raised:
        obtain(None, tmp_path / "new")
    assert raised.value.hint == f"Install it with: {install_command('data')}"


def test_kaggles_copy_is_brought_over(
    tmp_path: Path, kaggle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(handle: str) -> str:
        assert handle == "paultimothymooney/chest-xray-pneumonia"
        return str(kaggle)

    client = types.ModuleType("kagglehub")
    client.dataset_download = download  # type: ignore[attr-defined]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    monkeypatch.setitem(sys.modules, "kagglehub", client)
    assert sum(obtain(None, tmp_path / "new").films.values()) == 3

    def offline(handle: str) -> str:
        raise ConnectionError("no route")

    client.dataset_download = offline  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="the download from Kaggle failed"):
        obtain(None, tmp_path / "other")
