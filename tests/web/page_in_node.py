"""Runs the page's JavaScript in Node, for what needs no browser."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from pneumoscope.serve.app import STATIC as ROOM
from pneumoscope.web import content, page

PAGE = Path(page.__file__).with_name("static")
READ = """
import { readFileSync } from "node:fs";
import { codecsOf } from "./films/codecs.js";
import { readFilm } from "./films/read.js";
import { modelInput } from "./films/resampling.js";
const { films, foreign, atLeast } = JSON.parse(readFileSync("input.json"));
const results = [];
for (const [film, resize] of films) {
  const bundle = { size: 128, source_size: 224, resize };
  try {
    const options = { atLeast, codecs: codecsOf([]), foreign };
    const read = await readFilm(new Blob([Buffer.from(film, "base64")]), options);
    const input = Buffer.from(modelInput(read, bundle)).toString("base64");
    results.push({ levels: Buffer.from(read.levels).toString("base64"), facts: read.facts, input });
  } catch (error) {
    results.push({ error: error.code ?? String(error), values: error.values });
  }
}
console.log(JSON.stringify(results));
"""


def in_node(folder: Path, script: str, values: Any) -> Any:
    """What a script prints as JSON; it finds its input in ``input.json``."""
    if not (folder / "package.json").exists():
        for source in (ROOM, PAGE):
            shutil.copytree(source, folder, dirs_exist_ok=True)
        (folder / "package.json").write_text('{"type": "module"}')
    (folder / "input.json").write_text(json.dumps(values))
    (folder / "main.js").write_text(script)
    done = subprocess.run(
        ["node", "main.js"], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read_in_node(
    folder: Path, films: list[bytes], resizes: list[str] | None = None
) -> list[dict[str, Any]]:
    """What the page reads: ``levels`` and ``input`` as uint8 and ``facts``, or an ``error`` code."""
    packed = [base64.b64encode(film).decode() for film in films]
    values = {
        "films": list(zip(packed, resizes or ["antialias"] * len(films), strict=True)),
        "foreign": content.foreign_words(),
        "atLeast": 224,
    }
    answers: list[dict[str, Any]] = in_node(folder, READ, values)
    for answer in answers:
        for name in ("levels", "input"):
            if name in answer:
                answer[name] = np.frombuffer(base64.b64decode(answer[name]), np.uint8)
    return answers


def read_by_name(folder: Path, films: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    """What the page reads of films, as `read_in_node` gives it, in one run of Node."""
    return dict(zip(films, read_in_node(folder, list(films.values())), strict=True))
