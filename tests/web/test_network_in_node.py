"""The worker that runs the networks, with a runtime that only notes what it is asked for."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from page_in_node import in_node

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

SCRIPT = """
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
const { calls, failures } = JSON.parse(readFileSync("input.json"));
mkdirSync("runtime", { recursive: true });
writeFileSync("runtime/ort.js", `
  export const env = { wasm: {} };
  export class Tensor { constructor(type, data, dims) { Object.assign(this, { type, data, dims }); } }
  export const InferenceSession = {
    async create(model) {
      const name = String.fromCharCode(...model);
      globalThis.log.push("open " + name);
      return { async run({ films }) {
        globalThis.log.push("run " + name + " " + films.dims);
        return { p: { data: [films.data.length], dims: [1] } };
      } };
    },
  };
`);
globalThis.log = [];
let left = failures;
const hashes = {};
globalThis.fetch = async (address, { integrity: hash }) => {
  const name = new URL(address).pathname.split("/").at(-1);
  hashes[name] = hash;
  log.push("fetch " + name);
  if (name === "b" && left-- > 0) return new Response("", { status: 503 });
  return new Response(name);
};
const answers = new Map();
globalThis.self = { postMessage: ({ id, result, error }) => answers.get(id)(error ? "failed" : result) };
await import("./network-worker.js");
const networks = ["a", "b"].map((name) => ({ name, address: `models/${name}`, size: 4 }));
const results = [];
const call = (id, name, values) => new Promise((resolve) => {
  answers.set(id, resolve);
  self.onmessage({ data: { id, name, values } });
});
const integrity = { "models/a": "sha256-A", "models/b": "sha256-B", "runtime/ort-wasm.wasm.gz": "sha256-R" };
results.push(await call(0, "setup", { cache: null, networks, integrity }));
for (const [i, [name, network]] of calls.entries()) {
  log.push(name);
  results.push(await call(i + 1, name, { name: network, input: new Uint8Array(16), size: 4 }));
}
console.log(JSON.stringify({ log, results, hashes }));
"""


def ran(folder: Path, *calls: tuple[str, str], failures: int = 0) -> tuple[list[str], list[Any]]:
    answer = in_node(folder, SCRIPT, {"calls": calls, "failures": failures})
    return answer["log"], answer["results"]


def test_only_the_network_that_a_film_needs_is_opened(tmp_path: Path) -> None:
    log, results = ran(tmp_path, ("run", "a"), ("all", ""), ("run", "b"))
    assert sorted(log[:2]) == ["fetch a", "fetch ort-wasm.wasm.gz"]
    assert log[2:] == [
        *("open a", "run", "run a 1,4,4,1"),
        *("all", "fetch b"),  # for the time without a network
        *("run", "open b", "run b 1,4,4,1"),
    ]
    assert results[1] == {"p": {"data": {"0": 16}, "dims": [1]}}


def test_without_a_film_the_first_network_runs_once_to_be_warm(tmp_path: Path) -> None:
    log, _ = ran(tmp_path, ("all", ""), ("all", ""))
    assert log.count("run a 1,4,4,1") == 1
    assert "open b" not in log


def test_a_network_that_could_not_be_fetched_is_fetched_again(tmp_path: Path) -> None:
    log, results = ran(tmp_path, ("run", "b"), ("run", "b"), failures=1)
    assert results[1] == "failed"
    assert results[2] == {"p": {"data": {"0": 16}, "dims": [1]}}
    assert log.count("fetch b") == 2


def test_each_file_is_fetched_with_the_hash_that_it_must_have(tmp_path: Path) -> None:
    answer = in_node(tmp_path, SCRIPT, {"calls": [("all", "")], "failures": 0})
    expected = {"a": "sha256-A", "b": "sha256-B", "ort-wasm.wasm.gz": "sha256-R"}
    assert answer["hashes"] == expected
