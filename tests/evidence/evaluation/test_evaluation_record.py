"""The files of an evaluation for other programs."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

for module in ("cv2", "scipy", "sklearn", "pyarrow"):
    pytest.importorskip(module)

import numpy as np
import pyarrow.parquet

from evaluations import BRIGHT, DARK, QUICK, Run, folders, manifest
from pneumoscope.bundle import Bundle, write_bundle
from tiny import tiny_files, tiny_meta

# Whether the films have a mass and a nodule; "" is not known.
KNOWN = ((0, ""), (1, 0), ("", ""))


def test_predictions_stand_in_the_table(evaluate: Run, tmp_path: Path, tiny_bundle: Bundle) -> None:
    films = folders(tmp_path / "films", normal=DARK, bacterial=BRIGHT[:10], viral=BRIGHT[10:])
    code, metrics, _ = evaluate(tiny_bundle.path, films, *QUICK)
    assert code == 0
    table = pyarrow.parquet.read_table(tmp_path / "evidence" / "predictions.parquet").to_pylist()
    assert len(table) == 40
    row = next(r for r in table if r["path"] == "normal/normal00.png")
    m = 60 / 255
    odds = math.exp(-4 + 8 * m) * (1 + math.exp(-1))
    assert row["p_positive"] == pytest.approx(odds / (1 + odds), abs=2e-3)
    assert row["p:normal"] + row["p:bacterial"] + row["p:viral"] == pytest.approx(1, abs=1e-6)
    assert (row["label"], row["call:balanced"], row["call:screen"]) == (
        "normal", "NORMAL", "PNEUMONIA",
    )  # fmt: skip
    assert row["bundle_sha256"] == tiny_bundle.sha256
    assert len(row["file_sha256"]) == 64
    assert row["error"] is None
    classes = metrics["bundles"][0]["classes"]
    # No film is likelier viral than bacterial: the tiny logits differ by 1 for every film.
    assert [row[2] for row in classes["most_probable"]["confusion"]["counts"]] == [0, 0, 0]
    assert classes["ranking"]["macro"]["roc_auc"]["value"] is not None
    (target,) = metrics["bundles"][0]["targets"]
    assert set(target["conformal"]["recalibrated"]["by_class"]) == {"normal", "PNEUMONIA"}
    subtypes = {g["value"]: g for g in target["subgroups"]}
    assert subtypes["viral"]["positives"] == 10
    assert subtypes["viral"]["figures"]["sensitivity"]["value"] == pytest.approx(0.8)


@pytest.mark.slow
def test_the_leaderboard_reads_the_predictions(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    from pneumoscope.train import leaderboard

    films = folders(tmp_path / "films", normal=DARK, bacterial=BRIGHT[:10], viral=BRIGHT[10:])
    two = write_bundle(tmp_path / "two", tiny_meta(name="two"), tiny_files(tmp_path / "parts"))
    assert evaluate(tiny_bundle.path, two.path, films, *QUICK)[0] == 0
    sets = leaderboard.blind_predictions([tmp_path / "evidence" / "predictions.json"])
    (by_bundle,) = sets.values()
    assert set(by_bundle) == {tiny_bundle.sha256, two.sha256}
    assert by_bundle[two.sha256].truth.tolist() == [1] * 10 + [0] * 20 + [2] * 10


def test_the_leaderboard_reads_the_predictions_of_findings(
    evaluate: Run, tmp_path: Path, findings_bundle: Bundle
) -> None:
    from pneumoscope.train import leaderboard

    films = folders(tmp_path / "films", films=[60, 200, 110])
    rows = [
        f"films/films{i:02d}.png,p{i},{mass},{nodule}" for i, (mass, nodule) in enumerate(KNOWN)
    ]
    file = manifest(films, "path,patient,Mass,Nodule", *rows)
    assert evaluate(findings_bundle.path, file, *QUICK)[0] == 0
    sets = leaderboard.blind_predictions([tmp_path / "evidence" / "predictions.json"])
    (by_bundle,) = sets.values()
    known = by_bundle[findings_bundle.sha256]
    assert known.patients == ("p0", "p1")  # of the third nothing is known
    expected = [[math.nan, 0, math.nan], [math.nan, 1, 0]]
    assert np.array_equal(known.truth, expected, equal_nan=True)
    m = 200 / 255
    p = known.probabilities["plain"][1]
    assert p == pytest.approx([0.5, *(1 / (1 + math.exp(k - 8 * m)) for k in (4, 5))], abs=2e-3)
