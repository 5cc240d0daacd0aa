"""How a reader agrees with the model and with the truth, as the page computes it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pneumoscope.render.export import write_table
from pneumoscope.serve.app import STATIC

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

HERE = Path(__file__).parent


def in_node(folder: Path, *calls: list[Any]) -> list[Any]:
    """Results of functions of ``agreement.js`` and ``csv.js``, each called as ``[name, *arguments]``."""
    for name in ("agreement.js", "csv.js"):
        shutil.copy(STATIC / name, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    script = (HERE / "agreeing.js").read_text("utf-8")
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script, json.dumps(calls)],
        cwd=folder, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return list(json.loads(done.stdout))


def test_kappa_by_hand(tmp_path: Path) -> None:
    # 20 films: 8 both positive, 6 both normal, 4 + 2 differ. 14 / 20 agree; by chance
    # 12/20 * 10/20 + 8/20 * 10/20 = 0.5; kappa = (0.7 - 0.5) / 0.5 = 0.4.
    pairs = (
        [["positive", "positive"]] * 8
        + [["normal", "normal"]] * 6
        + [["positive", "normal"]] * 4
        + [["normal", "positive"]] * 2
    )
    unclear = [["unsure", "positive"], ["normal", "unsure"], ["unsure", "unsure"]]
    first, with_unclear, same, none = in_node(
        tmp_path,
        ["agreement", pairs],
        ["agreement", pairs + unclear],
        ["agreement", [["normal", "normal"]] * 3],
        ["agreement", unclear],
    )
    assert first["kappa"] == pytest.approx(0.4)
    assert (first["films"], first["agreed"], first["left"]) == (20, 14, 0)
    assert (with_unclear["kappa"], with_unclear["left"]) == (first["kappa"], 3)
    assert same == {"films": 3, "left": 0, "agreed": 3, "kappa": None}
    assert none == {"films": 0, "left": 3, "agreed": 0, "kappa": None}


def test_sensitivity_counts_unsure_as_not_recognised(tmp_path: Path) -> None:
    ill = [{"call": call, "truth": "positive"} for call in ("positive", "unsure", "normal")]
    well = [{"call": call, "truth": "normal"} for call in ("normal", "positive")]
    (rates,) = in_node(tmp_path, ["accuracy", ill + well])
    assert rates == {
        "sensitivity": {"right": 1, "of": 3},
        "specificity": {"right": 1, "of": 2},
    }


def test_verdicts_as_calls(tmp_path: Path) -> None:
    labels = ["NORMAL", "PNEUMONIA", "ABNORMAL", "UNDETERMINED", "REFUSED"]
    calls = in_node(tmp_path, *(["callOf", label] for label in labels))
    assert calls == ["normal", "positive", "positive", "unsure", "unsure"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "truths"),
    [
        ("film,label\na.png,NORMAL\nb.png,pneumonia\n", {"a.png": "normal", "b.png": "positive"}),
        ("\ufeffFile;Truth\r\nsub\\A.PNG;0\r\nb.png;1\r\n", {"a.png": "normal", "b.png": "positive"}),
        ('label\tpath\nnormal\t"x, y/c.png"\n\t d.png\n', {"c.png": "normal"}),
        ('film,label\n"say ""a"", b.png",Virus', {'say "a", b.png': "positive"}),
        ("film,age\na.png,3\n", None),
        ("", None),
    ],
)  # fmt: skip
def test_tables_of_the_truth(tmp_path: Path, table: str, truths: dict[str, str] | None) -> None:
    assert in_node(tmp_path, ["truthOf", table]) == [truths]


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    rows = [["note", "p"], ["=1+1", -0.5], ['a "b", c', None], ["@x", True]]
    (text,) = in_node(tmp_path, ["csvOf", rows])
    assert text == 'note,p\n\'=1+1,-0.5\n"a ""b"", c",\n\'@x,true\n'


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["a;=1+1.png", "a\t@x", "-5", "r\u202egnp.exe", "b\x1b[1m", "c\r\nd", "plain"]
)
def test_a_name_is_written_as_in_the_tables_of_python(tmp_path: Path, name: str) -> None:
    stream = io.StringIO()
    write_table(["name"], [[name]], stream)
    assert in_node(tmp_path, ["csvOf", [["name"], [name]]]) == [stream.getvalue()]
