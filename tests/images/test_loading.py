"""What reading costs and leaves behind: imports, warnings, threads."""

from __future__ import annotations

import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import film_files as make
from film_files import dataset, dicom, ramp, save, smooth
from pneumoscope import images
from pneumoscope.images.quiet import quiet

FILMS = [
    save(smooth(), "JPEG"),
    save(ramp(), "PNG"),
    save(ramp(), "TIFF"),
    dicom(ramp()),
    make.compressed(dataset(ramp()), make.J2K_LOSSLESS, "openjpeg"),
    make.wrap(dataset(smooth()), make.lossless_jpeg(smooth(), 8, 1), make.LOSSLESS),
]


def loaded(code: str) -> set[str]:
    """Modules in a fresh interpreter after ``code``."""
    lines = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", lines], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def test_a_jpeg_imports_only_what_it_needs(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "film").write_bytes(save(ramp(), "JPEG"))
    modules = loaded(
        "from pneumoscope import images\n"
        f"images.model_input(images.read({str(tmp_path / 'film')!r}), 128)"
    )
    assert "PIL.JpegImagePlugin" in modules
    assert not modules & {"pydicom", "gdcm", "openjpeg", "jpeg_ls", "PIL.PngImagePlugin"}
    assert not modules & {"PIL.TiffImagePlugin", "PIL.GifImagePlugin", "glob"}


def test_importing_the_reader_imports_no_decoder() -> None:
    modules = loaded("import pneumoscope.images")
    assert not modules & {"PIL", "pydicom", "gdcm", "openjpeg", "jpeg_ls"}


def test_a_first_dicom_warns_of_nothing(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """SWIG modules warn while they are imported; the subprocess takes warnings for errors."""
    decoders = ("pydicom", "openjpeg", "pneumoscope.images.codec_process")
    for n, (data, decoder) in enumerate(zip(FILMS[3:], decoders, strict=True)):
        (tmp_path / f"{n}").write_bytes(data)
        assert decoder in loaded(
            f"from pneumoscope import images\nimages.read({str(tmp_path / str(n))!r})"
        )


def test_threads_read_the_same_without_warnings() -> None:
    alone = [images.read(film).pixels for film in FILMS]
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(images.read, FILMS * 10))
    for n, film in enumerate(together):
        np.testing.assert_array_equal(film.pixels, alone[n % len(FILMS)])
    assert warnings.filters == before


def test_quiet_ends_with_the_last_thread() -> None:
    before = list(warnings.filters)
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with quiet():
            inside.set()
            leave.wait(60)

    thread = threading.Thread(target=hold)
    with quiet():
        thread.start()
        assert inside.wait(60)
    assert len(warnings.filters) == len(before) + 1
    leave.set()
    thread.join()
    assert warnings.filters == before


def test_quiet_hushes_decoders_only() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with quiet():
            warnings.warn_explicit("x", UserWarning, "f.py", 1, module="pydicom.misc")
            warnings.warn_explicit("y", UserWarning, "f.py", 1, module="PIL.TiffImagePlugin")
            warnings.warn_explicit("z", UserWarning, "f.py", 1, module="pilates")
        warnings.warn_explicit("w", UserWarning, "f.py", 1, module="pydicom.misc")
    assert [str(warning.message) for warning in caught] == ["z", "w"]
