"""Which verdicts the page's list of films shows and hides, without a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pneumoscope.serve.app import STATIC

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

SCRIPT = """
import { Worklist } from "./worklist.js";
import { allCalled } from "./calls.js";
import { preferences } from "./preferences.js";
const done = (name, label = "PNEUMONIA") => ({
  id: name, state: "done", film: { name }, result: { label, positive: "PNEUMONIA" },
});
let answers = {};
const backend = {
  read(file, _settings, { film }) {
    const answer = answers[file.name];
    const ended = answer ? Promise.resolve().then(() => film(answer)) : Promise.reject(new Error("down"));
    return { cancel() {}, ended };
  },
  async list() { return []; },
};
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
async function listOf(names, reader = false) {
  preferences.set({ reader });
  const list = new Worklist(backend, { request: () => ({}) });
  list.start();
  list.add(names.map((name) => ({ name, size: 1 })));
  await pause();
  return list;
}
const shown = (list) => list.rows.map((row) => row.revealed);
"""


def in_node(folder: Path, body: str) -> Any:
    """What a script returns that begins with `SCRIPT`."""
    for file in STATIC.glob("*.js*"):
        shutil.copy(file, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    script = f"{SCRIPT}\nconst result = await (async () => {{ {body} }})();\n"
    (folder / "main.js").write_text(f"{script}console.log(JSON.stringify(result));")
    done = subprocess.run(
        ["node", "main.js"], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_archive_that_is_read_again_replaces_its_films(tmp_path: Path) -> None:
    body = """
      const film = (name, sha256, id) => ({ ...done(id), film: { name, sha256 } });
      const inside = [film("x", 1, "1"), film("x", 2, "2"), film("y", 3, "3")];
      backend.read = (file, _settings, { accepted, film }) => {
        const counts = { done: 0, total: inside.length };
        const ended = Promise.resolve().then(() => {
          accepted(counts);
          for (const record of inside) film(record, counts);
        });
        return { cancel() {}, ended };
      };
      const list = await listOf(["a.zip"]);
      list.label(list.rows[1], ["doubtful"]);
      list.reveal(list.rows[1]);
      list.select(list.rows[2]);
      inside.splice(0, 3, film("x", 2, "4"), film("x", 1, "5"), film("z", 6, "6"));
      list.retry(list.rows[0]);
      await pause();
      return [
        list.rows.map(({ record, labels, revealed }) => [record?.id ?? "", labels.length, revealed]),
        list.rows.length, list.selected.record?.id, list.hides(film("x", 2, "2")), list.hides(film("x", 1, "1")),
      ];
    """
    rows = [["", 0, True], ["4", 0, False], ["5", 1, True], ["6", 0, False]]
    assert in_node(tmp_path, body) == [rows, 4, "4", True, False]


@pytest.mark.parametrize("reader", ["true", "false"])
def test_a_film_that_failed_and_is_read_again_has_not_been_seen(
    tmp_path: Path, reader: str
) -> None:
    body = f"""
      answers = {{}};
      const list = await listOf(["a", "b"], {reader});
      answers = {{ a: done("a"), b: done("b") }};
      list.retryAll();
      await pause();
      return [list.rows.map((row) => row.state), shown(list)];
    """
    assert in_node(tmp_path, body) == [["done", "done"], [False, False]]


def test_a_refused_film_that_is_read_again_has_not_been_seen(tmp_path: Path) -> None:
    body = """
      answers = { a: done("a", "REFUSED") };
      const list = await listOf(["a"]);
      const before = shown(list);
      answers = { a: done("a") };
      list.readAllAgain();
      await pause();
      return [before, shown(list)];
    """
    assert in_node(tmp_path, body) == [[True], [False]]


def test_a_file_that_is_too_large_is_not_sent_by_another_attempt_either(tmp_path: Path) -> None:
    body = """
      answers = {};
      const list = await listOf([]);
      list.maxBytes = 0;
      list.add([{ name: "a", size: 1 }]);
      answers = { a: done("a") };
      list.retryAll();
      await pause();
      return [list.rows[0].state, list.rows[0].problem.title];
    """
    assert in_node(tmp_path, body) == ["failed", "problems.tooLarge"]


def test_in_reader_mode_a_verdict_seen_before_waits_for_the_call(tmp_path: Path) -> None:
    body = """
      answers = { a: done("a"), b: done("b") };
      const list = await listOf(["a", "b"]);
      for (const row of list.rows) list.reveal(row);
      preferences.set({ reader: true });
      list.rows[0].call = { call: "positive" };
      list.readAllAgain();
      await pause();
      return shown(list);
    """
    assert in_node(tmp_path, body) == [True, False]


def test_a_result_that_was_removed_unseen_stays_hidden_until_it_is_opened(tmp_path: Path) -> None:
    body = """
      answers = { a: done("a"), b: done("b") };
      const list = await listOf(["a", "b"]);
      list.reveal(list.rows[1]);
      list.remove(list.rows[0]);
      list.clear();
      const hidden = [list.hides(answers.a), list.hides(answers.b)];
      list.open(answers.a);
      return [...hidden, list.hides(answers.a)];
    """
    assert in_node(tmp_path, body) == [True, False, False]


def test_refused_films_and_those_seen_before_need_no_call(tmp_path: Path) -> None:
    body = """
      answers = { a: done("a"), b: done("b", "REFUSED"), c: done("c") };
      const list = await listOf(["a", "b", "c"], true);
      list.rows[2].revealed = true;
      const before = allCalled(list.rows);
      list.call(list.rows[0], "normal");
      return [before, allCalled(list.rows), allCalled(list.rows.slice(1))];
    """
    assert in_node(tmp_path, body) == [False, True, False]
