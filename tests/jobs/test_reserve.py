"""The reserve: results can be deleted although the disk is full."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pneumoscope.jobs import reserve

FREE = "pneumoscope.jobs.reserve.shutil.disk_usage"


def free(size_bytes: int) -> object:
    return lambda _folder: SimpleNamespace(free=size_bytes)


def test_the_reserve_takes_its_space_at_once_and_only_if_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FREE, free(2 * reserve.SIZE_BYTES))
    reserve.keep_reserve(tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(FREE, free(2 * reserve.SIZE_BYTES + 1))
    reserve.keep_reserve(tmp_path)
    status = (tmp_path / reserve.NAME).stat()
    assert status.st_size == reserve.SIZE_BYTES
    assert status.st_blocks * 512 >= reserve.SIZE_BYTES
    assert status.st_mode & 0o077 == 0


def test_the_reserve_may_be_given_up_by_two_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve.keep_reserve(tmp_path)
    kept = tmp_path / reserve.NAME

    def used(_folder: Path) -> SimpleNamespace:
        kept.unlink(missing_ok=True)  # the other purge is a moment earlier
        return SimpleNamespace(free=0)

    monkeypatch.setattr(FREE, used)
    with reserve.room_to_delete(tmp_path):
        assert not kept.exists()


def test_the_reserve_is_given_up_only_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve.keep_reserve(tmp_path)
    kept = tmp_path / reserve.NAME
    monkeypatch.setattr(FREE, free(reserve.SIZE_BYTES))
    with reserve.room_to_delete(tmp_path):
        assert kept.exists()
    monkeypatch.setattr(FREE, free(reserve.SIZE_BYTES - 1))
    with reserve.room_to_delete(tmp_path):
        assert not kept.exists()
        monkeypatch.setattr(FREE, free(3 * reserve.SIZE_BYTES))
    assert kept.exists()
    kept.unlink()
    with reserve.room_to_delete(tmp_path / "missing"):
        pass


FULL = """
import errno, sys
from pathlib import Path
from pneumoscope.cli.app import app
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.jobs.reserve import keep_reserve
from pneumoscope.jobs.rows import new_rows, values
from pneumoscope.records import Settings
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.settings import ServeSettings

folder = Path(sys.argv[1]) / "state"
(folder / "films").mkdir(parents=True)
administration = open_administration(ServeSettings(folder=folder))
request = JobRequest(owner="anna", settings=Settings())
rows = new_rows(request, [UploadedFile("a.png", b"")] * 500, None, administration.keys)
for row in rows:
    row.state, row.result = "done", {"text": "x" * 20_000}
    administration.film_store.keep(row.id, b"a film")
administration.store.add([values(row) for row in rows])
administration.store.close()
keep_reserve(folder)
fill = (folder.parent / "others").open("wb", buffering=0)
try:
    while True:
        fill.write(b"x" * 4096)
except OSError as error:
    assert error.errno == errno.ENOSPC
sys.argv[1:] = ["purge", "--older-than", "0", "--folder", str(folder)]
app(standalone_mode=False)
print(len(list((folder / "films").iterdir())), "films left", flush=True)
"""


@pytest.mark.slow
def test_purge_works_on_a_full_disk(tmp_path: Path) -> None:
    command = 'mount -t tmpfs -o size=64m tmpfs "$1" && exec "$2" -c "$3" "$1"'
    unshare = shutil.which("unshare")
    alone = [unshare or "", "--user", "--map-root-user", "--mount"]
    if unshare is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("no file system can be mounted here, see unshare(1)")
    done = subprocess.run(
        [*alone, "sh", "-c", command, "sh", str(tmp_path), sys.executable, FULL],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "mount:" in done.stderr:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "500 results deleted\n0 films left\n"
