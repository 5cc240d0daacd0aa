"""Which films are evaluated."""

from __future__ import annotations

from pathlib import Path

import pytest

for module in ("cv2", "scipy", "sklearn", "pyarrow"):
    pytest.importorskip(module)

import pyarrow.parquet

from evaluations import BRIGHT, DARK, QUICK, Run, film, folders, manifest
from pneumoscope.bundle import Bundle


def test_broken_films_are_reported_and_count_nowhere(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK, PNEUMONIA=BRIGHT)
    whole = (films / "NORMAL" / "NORMAL03.png").read_bytes()
    (films / "NORMAL" / "NORMAL03.png").write_bytes(whole[: len(whole) // 2])
    (films / "PNEUMONIA" / "empty.png").write_bytes(b"")
    code, metrics, err = evaluate(tiny_bundle.path, films, *QUICK)
    assert code == 1
    assert "NORMAL03.png" in err
    assert "empty.png" in err
    assert err.count("hint: ") == 2
    assert metrics["films"]["films"] == 39
    assert {b["code"] for b in metrics["films"]["broken"]} == {"TruncatedImage", "EmptySource"}
    assert metrics["bundles"][0]["targets"][0]["points"][0]["confusion"]["counts"][0] == [17, 2]
    table = pyarrow.parquet.read_table(tmp_path / "evidence" / "predictions.parquet").to_pylist()
    assert sum(row["error"] is not None for row in table) == 2
    assert len(table) == 41


def test_auto_takes_what_the_data_keep_apart(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", normal=DARK[:9], viral=BRIGHT[:9])
    rows = [f"{p.relative_to(tmp_path)},{p.parent.name}" for p in sorted(films.rglob("*.png"))]
    for splits, wanted, count in (
        (("train", "validation", "test"), "test", 6),
        (("train", "validation", "validation"), "validation", 12),
        (("train", "train", "train"), "all", 18),
    ):
        lines = [f"{row},{splits[i % 3]}" for i, row in enumerate(rows)]
        table = manifest(tmp_path, "path,label,split", *lines)
        code, metrics, _ = evaluate(tiny_bundle.path, table, *QUICK, "--only", "decision")
        assert code == 0
        assert (metrics["films"]["split"], metrics["films"]["films"]) == (wanted, count)
    assert metrics["films"]["warnings"] == [
        "films that the data keep for training are among them: 18"
    ]


def test_films_labelled_otherwise_are_left_out_and_counted(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK[:12], PNEUMONIA=BRIGHT[:12], COVID=[150, 151])
    code, metrics, _ = evaluate(tiny_bundle.path, films, *QUICK)
    assert code == 0
    assert metrics["films"]["films"] == 24
    assert "says nothing to any bundle, left out: 2" in " ".join(metrics["films"]["warnings"])


@pytest.mark.slow
def test_a_test_folder_of_the_kermany_set_alone_has_its_subtypes(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    for i in range(6):
        film(tmp_path / "test" / "NORMAL" / f"IM-{i:04d}-0001.jpeg.png", 80 + i, i)
        film(tmp_path / "test" / "PNEUMONIA" / f"person{i}_virus_{i}.png", 180 + i, i)
        film(tmp_path / "test" / "PNEUMONIA" / f"person{i}_bacteria_{i}.png", 190 + i, i)
    for root in (tmp_path / "test", tmp_path):
        out = tmp_path / f"out-{root.name}"
        code, metrics, _ = evaluate(tiny_bundle.path, root, *QUICK, out=out)
        assert code == 0
        assert metrics["films"]["labels"] == {"bacterial": 6, "normal": 6, "viral": 6}
        assert metrics["films"]["patients"] == 18
        assert metrics["bundles"][0]["classes"]["films"] == 18
    assert metrics["films"]["split"] == "test"
