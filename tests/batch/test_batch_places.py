from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from pneumoscope.batch import places
from pneumoscope.batch.places import Bucket, Folder, Place, check_apart, place_of
from pneumoscope.errors import UsageError


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return Folder(tmp_path / "out")
    pytest.importorskip("fsspec", reason="needs fsspec")
    return Bucket(f"memory://{uuid.uuid4().hex}/out")


def test_a_place_keeps_files(place: Place) -> None:
    assert place.files() == {}
    with pytest.raises(FileNotFoundError):
        place.open("a")
    place.write("a", b"1")
    stamp = place.stamp("a")
    assert place.files() == {"a": stamp}
    place.write("a", b"22")
    assert place.stamp("a") != stamp
    with place.open("a") as stream:
        assert stream.read() == b"22"
    with place.locked() as folder:
        assert folder.is_dir()


def test_only_one_run_writes_into_a_folder(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    (tmp_path / ".part-000001.parquet.77.part").write_bytes(b"half")
    with place.locked():
        assert not list(tmp_path.glob("*.part"))
        with pytest.raises(UsageError, match="another run is writing here"), place.locked():
            pass
    with place.locked():
        pass


def test_a_file_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(UsageError, match="is a file"):
        place_of(str(tmp_path / "out"))
    assert isinstance(place_of(f"file://{tmp_path}"), Folder)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("films", "films"),
        ("films", "ward/../films/"),
        ("films", "linked"),
        ("s3://films/2025", "s3://films/2025/"),
    ],
)
def test_no_batch_writes_beside_its_films(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, target: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("films", "ward"):
        (tmp_path / folder).mkdir()
    (tmp_path / "linked").symlink_to("films")
    with pytest.raises(UsageError, match="holds the films") as error:
        check_apart(source, target)
    assert error.value.hint == "Name another folder with --out."
    for elsewhere in ("films/out", ".", "s3://films", "s3://films/2025/out"):
        check_apart(source, elsewhere)
    check_apart("films/films.csv", "films")  # a manifest


def test_a_bucket_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec", reason="needs fsspec")
    place = place_of("memory://out")
    assert isinstance(place, Bucket)
    system, _ = places.buckets.file_system("memory://out")

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("403")

    monkeypatch.setattr(system, "ls", refuse)
    with pytest.raises(UsageError, match="memory://out: cannot be listed"):
        place.files()
    monkeypatch.setattr(system, "pipe_file", refuse)
    with pytest.raises(UsageError, match=r"memory://out/a: cannot be written \(403\)"):
        place.write("a", b"")
