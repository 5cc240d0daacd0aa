from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("sklearn", reason="needs the [train] extra")

from command_line import run
from film_sets import Film, chests, folder, jpeg
from pneumoscope.bundle import Bundle
from pneumoscope.data.listing import Entry, Listing
from pneumoscope.errors import DataError
from pneumoscope.evidence.audit.audit import audit
from pneumoscope.evidence.audit.contrasts import contrasts
from pneumoscope.evidence.audit.findings import Finding, overall
from pneumoscope.evidence.audit.listing import open_films, without_subtype
from pneumoscope.evidence.audit.record import to_csv, to_json
from pneumoscope.evidence.audit.results import Audit
from pneumoscope.evidence.audit.splits import groupings, shifts
from pneumoscope.evidence.report.audit import page as audit_page


def levels(result: Audit, check: str) -> list[str]:
    return [f.level for f in result.findings if f.check.startswith(check)]


def reasons(result: Audit, check: str = "") -> str:
    return "\n".join(f.reason for f in result.findings if f.check.startswith(check))


@pytest.fixture(scope="module")
def forty() -> list[Film]:
    return chests(40)


@pytest.fixture(scope="module")
def plain(
    forty: list[Film], tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Audit:
    """Forty films without patient keys, all saved in one way."""
    root = tmp_path_factory.mktemp("plain") / "set"
    classes = {"normal": forty[0::2], "sick": forty[1::2]}
    return audit(folder(root, classes, {"normal": 90, "sick": 90}), tiny_bundle.path)


def test_two_quality_tables_by_class_are_named(
    forty: list[Film], tiny_bundle: Bundle, tmp_path: Path
) -> None:
    # The same pictures as in `plain`.
    classes = {"normal": forty[0::2], "sick": forty[1::2]}
    result = audit(folder(tmp_path / "set", classes, {"normal": 95, "sick": 75}), tiny_bundle.path)
    assert result.verdict == "stop"
    assert levels(result, "how films were saved") == ["stop"]
    told = reasons(result, "how films were saved")
    assert "(libjpeg, quality 75)' in all 20 sick films and none of 20 normal films" in told
    assert "(libjpeg, quality 95)' in all 20 normal films and none of 20 sick films" in told
    assert "calls 40 of 40 films right (100.0%; always the larger class: 50.0%)" in told
    page = audit_page.html(result)
    assert "libjpeg, quality 75" in page
    assert "http" not in page.replace("http-equiv", "")  # one file, nothing from elsewhere


def test_one_table_for_all_is_not_mentioned(plain: Audit) -> None:
    assert levels(plain, "how films were saved") == []
    score = next(s for s in plain.shortcuts[0].scores if s.feature == "quantisation table")
    assert score.constant


def test_forty_films_without_keys_say_what_they_cannot_say(plain: Audit) -> None:
    assert plain.verdict in ("look", "stop")
    assert levels(plain, "patients") == ["unknown", "not applicable"]
    assert "40 of 40 films have no patient key" in reasons(plain, "patients")
    assert "40 films are few" in reasons(plain, "number of films")
    document = json.loads(json.dumps(to_json(plain), allow_nan=False))
    assert document["films"] == {"films": 40}
    assert document["counts"] == {"films": {"normal": 20, "sick": 20}}
    assert document["shortcuts"][0]["contrast"] == "sick against normal"
    assert {f["level"] for f in document["findings"]} <= {
        "pass", "look", "stop", "unknown", "not applicable",
    }  # fmt: skip
    rows = to_csv(plain).splitlines()
    assert len(rows) == 41
    assert rows[1].startswith("normal/000.jpg,,normal,,")


def test_a_missing_class(forty: list[Film], tiny_bundle: Bundle, tmp_path: Path) -> None:
    root = folder(tmp_path / "set", {"sick": forty[:6]}, {"sick": 90})
    result = audit(root, tiny_bundle.path)
    assert result.verdict == "look"
    assert result.shortcuts == ()
    assert "All labelled films are sick, so nothing can be said of what gives" in reasons(result)
    assert levels(result, "label errors") == ["unknown"]
    # The same in the layout of the Kermany set, which training refuses.
    (tmp_path / "k" / "train" / "NORMAL").mkdir(parents=True)
    shutil.copytree(root / "sick", tmp_path / "k" / "train" / "PNEUMONIA")
    for i, path in enumerate(sorted((tmp_path / "k" / "train" / "PNEUMONIA").iterdir())):
        path.rename(path.with_name(f"person{i}_virus_{i}.jpeg"))
    result = audit(tmp_path / "k", tiny_bundle.path)
    assert "holds no films" in reasons(result, "labels")
    assert "All labelled films are PNEUMONIA" in reasons(result, "labels")
    assert result.groupings[0].patients == 6


def test_no_labels_at_all(forty: list[Film], tiny_bundle: Bundle, tmp_path: Path) -> None:
    for i, film in enumerate(forty[:6]):
        (tmp_path / f"{i}.jpg").write_bytes(jpeg(film, 90))
    shutil.copy(tmp_path / "0.jpg", tmp_path / "copy.jpg")
    result = audit(tmp_path, tiny_bundle.path)
    assert "No film has a label" in reasons(result, "labels")
    assert result.verdict == "look"
    assert [p.paths for p in result.pictures] == [("0.jpg", "copy.jpg")]
    document = to_json(result)
    assert document["shortcuts"] == []
    assert document["counts"] == {"films": {"unknown": 7}}
    assert document["limits"][-1].startswith("no film has a label")
    assert "Can&#x27;t say" in audit_page.html(result) or "Can't say" in audit_page.html(result)


def test_broken_films(forty: list[Film], tiny_bundle: Bundle, tmp_path: Path) -> None:
    classes = {"normal": forty[0:12:2], "sick": forty[1:12:2]}
    root = folder(tmp_path / "set", classes, {"normal": 90, "sick": 90})
    (root / "sick" / "999.jpg").write_bytes(b"\xff\xd8\xff broken")
    (root / "normal" / "000.jpg").write_bytes(b"")
    result = audit(root, tiny_bundle.path)
    assert {(b.path, b.code) for b in result.broken} == {
        ("normal/000.jpg", "EmptySource"),
        ("sick/999.jpg", "TruncatedImage"),
    }
    assert levels(result, "readable films") == ["stop"]  # 2 of 13 are more than 5 %
    assert result.shortcuts[0].films == 11
    assert len(result.reading.embedding) == 11
    assert "sick/999.jpg" in audit_page.html(result)
    for path in root.glob("*/*.jpg"):
        path.write_bytes(b"nothing")
    result = audit(root, tiny_bundle.path)
    assert len(result.broken) == 13
    assert result.verdict == "stop"
    assert "too few to measure anything" in reasons(result)
    assert "<html" in audit_page.html(result)
    json.dumps(to_json(result), allow_nan=False)


def test_nothing_there(tmp_path: Path, tiny_bundle: Bundle) -> None:
    with pytest.raises(DataError, match="holds no films"):
        audit(tmp_path, tiny_bundle.path)
    with pytest.raises(DataError, match="no such folder"):
        audit(tmp_path / "typo", tiny_bundle.path)
    (tmp_path / "manifest.csv").write_text("file,label\na.png,normal\n")
    with pytest.raises(DataError, match="has no column path"):
        audit(tmp_path, tiny_bundle.path)


def test_copies_across_splits_and_classes_stop(
    forty: list[Film], tiny_bundle: Bundle, tmp_path: Path
) -> None:
    for split, start in (("train", 0), ("test", 12)):
        folder(
            tmp_path / split,
            {"normal": forty[start : start + 6], "sick": forty[start + 6 : start + 12]},
            {"normal": 90, "sick": 90},
        )
    mirrored = jpeg(forty[0][:, ::-1].copy(), 80)
    (tmp_path / "test" / "normal" / "x.jpg").write_bytes(mirrored)
    shutil.copy(tmp_path / "train" / "sick" / "000.jpg", tmp_path / "train" / "normal" / "y.jpg")
    result = audit(tmp_path, tiny_bundle.path)
    assert {p.paths: (p.exact, p.turn, p.across) for p in result.pictures} == {
        ("train/normal/y.jpg", "train/sick/000.jpg"): (True, "", ("class",)),
        ("test/normal/x.jpg", "train/normal/000.jpg"): (False, "mirrored", ("split",)),
    }
    assert levels(result, "copies") == ["stop"]
    assert "1 lie across splits" in reasons(result, "copies")
    assert "1 have different labels" in reasons(result, "copies")
    assert "mirrored" in audit_page.html(result)


def listed(*films: tuple[str, str, str], layout: str = "kermany") -> Listing:
    """Films as (patient, class, split)."""
    names = ("normal", "bacterial", "viral")
    return Listing(
        layout,
        False,
        names,
        tuple(
            Entry(
                Path(f"{i}.png"),
                f"{i}.png",
                tuple(float(name == kind) for name in names),
                patient,
                True,
                split,
            )
            for i, (patient, kind, split) in enumerate(films)
        ),
        "by hand",
    )


def test_patients_under_both_groupings() -> None:
    found = listed(
        ("bacteria/person1", "bacterial", "train"),
        ("virus/person1", "viral", "validation"),
        ("normal/IM-0001", "normal", "train"),
        ("normal/NORMAL2-IM-0001", "normal", "train"),
        ("normal/IM-0002", "normal", "train"),
        ("normal/IM-0002", "normal", "validation"),
    )
    strict, loose = groupings(found)
    assert (strict.patients, strict.in_two_splits) == (5, ("normal/IM-0002",))
    assert (strict.films_in_two_splits, strict.in_two_classes) == (2, ())
    assert (loose.patients, loose.in_two_splits) == (3, ("IM-0002", "person1"))
    assert (loose.films_in_two_splits, loose.in_two_classes) == (4, ("person1",))
    assert without_subtype("patient00012") is None
    assert len(groupings(listed(("p1", "normal", "train")))) == 1


def test_prior_shift_by_hand() -> None:
    films = [(f"n{i}", "normal", "train") for i in range(100)]
    films += [(f"v{i}", "viral", "train") for i in range(300)]
    films += [(f"m{i}", "normal", "test") for i in range(200)]
    films += [(f"w{i}", "viral", "test") for i in range(200)]
    found = listed(*films)
    (pair,), _ = contrasts(found)
    (shift,) = shifts(found, pair)
    assert shift.shares == (0.75, 0.5)
    assert shift.difference.value == pytest.approx(0.25)
    # Two independent shares: 1.96 sqrt(0.75 x 0.25 / 400 + 0.5 x 0.5 / 400) = 0.065.
    assert shift.difference.low == pytest.approx(0.185, abs=0.01)
    assert shift.difference.high == pytest.approx(0.315, abs=0.01)
    assert shift.clear
    assert shift.p < 1e-6


def test_contrasts_of_many_classes_and_of_findings(tmp_path: Path) -> None:
    kermany = listed(("a", "normal", "train"), ("b", "bacterial", "train"), ("c", "viral", "train"))
    assert [c.name for c in contrasts(kermany)[0]] == [
        "pneumonia against normal",
        "viral against bacterial",
    ]
    (tmp_path / "manifest.csv").write_text("path,Edema,Mass\na.png,1,\nb.png,0,1\nc.png,-1,0\n")
    found, limits = open_films(tmp_path)
    assert limits == ()
    assert [(c.name, c.rows.tolist(), c.truth.tolist()) for c in contrasts(found)[0]] == [
        ("Edema against no Edema", [0, 1], [True, False]),
        ("Mass against no Mass", [1, 2], [True, False]),
    ]
    many = tmp_path / "many"
    for name in "abcdefg":
        Image.fromarray(np.zeros((80, 80), np.uint8)).save(_made(many / name) / "1.png")
    made, left = contrasts(open_films(many)[0])
    assert len(made) == 5
    assert made[0].name == "a against other classes"
    assert left == "contrasts not looked at: 2"


def _made(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def test_the_worst_finding_decides() -> None:
    found = [Finding("a", "pass", ""), Finding("b", "not applicable", "")]
    assert overall(found) == "pass"
    assert overall([*found, Finding("c", "unknown", "")]) == "look"
    assert overall([*found, Finding("c", "look", ""), Finding("d", "stop", "")]) == "stop"


def test_the_tables_of_the_full_size_films_give_the_label_away(films_dir: Path) -> None:
    root = films_dir / "full_size"
    if not root.is_dir():
        pytest.skip("the real films have another layout")
    result = audit(root)
    assert result.verdict == "stop"
    told = reasons(result, "how films were saved")
    assert (
        "'8 6 5 8 12 20 ... (libjpeg, quality 75)' in all 20 PNEUMONIA films and none of 9" in told
    )
    assert "in 8 of 9 NORMAL films and none of 20 PNEUMONIA films" in told
    assert "EXIF: 'none' in all 20 PNEUMONIA films and none of 9 NORMAL films" in told


def test_the_command(forty: list[Film], tiny_bundle: Bundle, tmp_path: Path) -> None:
    classes = {"normal": forty[0:36:2], "sick": forty[1:36:2]}
    root = folder(tmp_path / "set", classes, {"normal": 95, "sick": 75})
    out = tmp_path / "out"
    done = run("audit", root, "--out", out, "--bundle", tiny_bundle.path)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.splitlines()[-1] == f"STOP: {out / 'audit.html'}"
    assert sorted(p.name for p in out.iterdir()) == ["audit.html", "audit.json", "films.csv"]
    assert (out / "audit.html").read_text().startswith("<!doctype html>")
    record = json.loads((out / "audit.json").read_text())
    assert record["verdict"] == "stop"

    (root / "sick" / "000.jpg").write_bytes(b"")
    (tmp_path / "one").mkdir()
    shutil.copytree(root / "sick", tmp_path / "one" / "sick")
    done = run("audit", tmp_path / "one", "--out", out, "--bundle", tiny_bundle.path, "--json")
    assert done.returncode == 3  # one of 18 films is broken
    assert "hint: " in done.stderr
    assert json.loads(done.stdout)["broken"][0]["path"] == "sick/000.jpg"
    (tmp_path / "one" / "sick" / "000.jpg").unlink()
    assert (
        run("audit", tmp_path / "one", "--out", out, "--bundle", tiny_bundle.path).returncode == 0
    )

    # Named as the table that an audit writes.
    manifest = _made(tmp_path / "mine") / "films.csv"
    manifest.write_text("path,label\n../set/sick/001.jpg,sick\n")
    before = manifest.read_bytes()
    for arguments, message in (
        ((tmp_path / "typo",), "no such folder"),
        ((_made(tmp_path / "empty"),), "holds no films"),
        ((root, "--out", out / "audit.html"), "is not a folder"),
        ((manifest, "--out", manifest.parent), "is not empty and no audit"),
    ):
        done = run("audit", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert message in done.stderr
        assert "hint: " in done.stderr
    assert manifest.read_bytes() == before
