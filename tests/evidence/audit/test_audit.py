from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")

from audits import levels, new_folder, reasons
from command_line import run
from film_sets import Film, folder, jpeg
from pneumoscope.bundle import Bundle
from pneumoscope.errors import DataError
from pneumoscope.evidence.audit.audit import audit
from pneumoscope.evidence.audit.record import to_json
from pneumoscope.evidence.audit.results import Audit
from pneumoscope.evidence.report.audit import page as audit_page


@pytest.mark.slow
def test_forty_films_without_keys_say_what_they_cannot_say(plain: Audit) -> None:
    assert plain.verdict in ("look", "stop")
    assert levels(plain, "patients") == ["unknown", "not applicable"]
    assert "40 of 40 films have no patient key" in reasons(plain, "patients")
    assert "40 films are few" in reasons(plain, "number of films")


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


def test_broken_films(
    few_trees: None, forty: list[Film], tiny_bundle: Bundle, tmp_path: Path
) -> None:
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
    (tmp_path / "manifest.csv").write_text("film,label\na.png,normal\n")
    with pytest.raises(DataError, match="has no column path"):
        audit(tmp_path, tiny_bundle.path)


def test_copies_across_splits_and_classes_stop(
    few_trees: None, forty: list[Film], tiny_bundle: Bundle, tmp_path: Path
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


@pytest.mark.parametrize(
    ("labels", "across", "level"), [("1,", (), "look"), ("1,1", ("class",), "stop")]
)
def test_a_copy_with_an_unknown_label_contradicts_none(
    forty: list[Film],
    tiny_bundle: Bundle,
    tmp_path: Path,
    labels: str,
    across: tuple[str, ...],
    level: str,
) -> None:
    rows = ["path,Edema,Mass", "0.jpg,1,0", f"copy.jpg,{labels}", "2.jpg,0,1"]
    for name, film in (("0.jpg", forty[0]), ("copy.jpg", forty[0]), ("2.jpg", forty[2])):
        (tmp_path / name).write_bytes(jpeg(film, 90))
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    result = audit(tmp_path, tiny_bundle.path)
    assert [(p.paths, p.across) for p in result.pictures] == [(("0.jpg", "copy.jpg"), across)]
    assert levels(result, "copies") == [level]


@pytest.mark.slow
def test_the_command(
    few_trees: None, forty: list[Film], tiny_bundle: Bundle, tmp_path: Path
) -> None:
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
    (tmp_path / "sick_only").mkdir()
    shutil.copytree(root / "sick", tmp_path / "sick_only" / "sick")
    done = run(
        "audit", tmp_path / "sick_only", "--out", out, "--bundle", tiny_bundle.path, "--json"
    )
    assert done.returncode == 3  # one of 18 films is broken
    assert "hint: " in done.stderr
    assert json.loads(done.stdout)["broken"][0]["path"] == "sick/000.jpg"
    (tmp_path / "sick_only" / "sick" / "000.jpg").unlink()
    assert (
        run("audit", tmp_path / "sick_only", "--out", out, "--bundle", tiny_bundle.path).returncode
        == 0
    )

    # Named as the table that an audit writes.
    manifest = new_folder(tmp_path / "mine") / "films.csv"
    manifest.write_text("path,label\n../set/sick/001.jpg,sick\n")
    before = manifest.read_bytes()
    for arguments, message in (
        ((tmp_path / "typo",), "no such folder"),
        ((new_folder(tmp_path / "empty"),), "holds no films"),
        ((root, "--out", out / "audit.html"), "is not a folder"),
        ((manifest, "--out", manifest.parent), "is not empty and no audit"),
    ):
        done = run("audit", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert message in done.stderr
        assert "hint: " in done.stderr
    assert manifest.read_bytes() == before
