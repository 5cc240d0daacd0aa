"""Deadlines of the page's workers, which begin anew while a file arrives."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from page_in_node import in_node

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

CALLS = """
import { CalledWorker } from "./worker-calls.js";
const timers = [];
globalThis.setTimeout = (end, ms) => timers.push({ end, ms, runs: true }) - 1;
globalThis.clearTimeout = (id) => { if (timers[id]) timers[id].runs = false; };
let worker;
globalThis.Worker = class {
  sent = [];
  constructor() { worker = this; }
  postMessage(message) { this.sent.push(message); }
  terminate() {}
};
const running = () => timers.filter(({ runs }) => runs).map(({ ms }) => ms);
const called = new CalledWorker(new URL("file:///worker.js"), {}, 100);
const answer = called.call("run", {}, { deadlineMs: 50 });
const failed = answer.catch((error) => error.constructor.name);
await null;
worker.onmessage({ data: { id: worker.sent[0].id, result: true } });
await new Promise(setImmediate);
const first = timers.at(-1);
worker.onmessage({ data: { receiving: true } });
const rows = [first.runs, running(), worker.sent.map(({ name }) => name)];
timers.at(-1).end();
rows.push(await failed, running());
console.log(JSON.stringify(rows));
"""
FILES = """
import { fetched, keepIn } from "./offline.js";
let now = 0;
performance.now = () => now;
const parts = [[1, 2], [3], [4], [5]];
globalThis.fetch = async () => new Response(new ReadableStream({
  pull(controller) {
    const part = parts.shift();
    now += 600;
    if (part) controller.enqueue(new Uint8Array(part));
    else controller.close();
  },
}, { highWaterMark: 0 }));
let calls = 0;
keepIn("", () => (calls += 1));
const data = await fetched(new URL("http://page/network"));
console.log(JSON.stringify([[...data], calls]));
"""


def test_a_deadline_begins_anew_while_a_file_arrives(tmp_path: Path) -> None:
    assert in_node(tmp_path, CALLS, {}) == [False, [50], ["setup", "run"], "WorkerEnded", []]


def test_a_file_that_arrives_in_parts_says_so_now_and_then(tmp_path: Path) -> None:
    assert in_node(tmp_path, FILES, {}) == [[1, 2, 3, 4, 5], 2]
