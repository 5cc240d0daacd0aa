"""Compares the page of `pneumoscope export web` with Python, film by film, in Chromium.

    python tools/web_parity.py DATA --films 300

Prints the largest and the mean difference of P(positive), and every film whose verdict, bundle, gate
reasons or heatmap differ although the film is not close to a limit. Exits with 1 if there is a
difference of more than 0.01, or a verdict differs away from the limits.

DATA is a folder of films; the sample is drawn evenly from its subfolders. ``CHROMIUM`` names the
browser, which is otherwise looked up on the PATH.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from pneumoscope import load
from pneumoscope.images import find_films
from pneumoscope.images.samples import sample_films
from pneumoscope.render.serialise import outcome_to_json
from pneumoscope.runtime import Classifier, PopulationReader, Reader
from pneumoscope.web.page import export_page

TOLERANCE = 0.01
"""Largest |dp|, and how far from a limit a verdict must be to count."""
_AT_ONCE = 25
_TIMEOUT_MS = 600_000
_READ = """async () => {
  if (!window.judged) {
    const { LocalBackend } = await import('./static/local.js');
    const { inLanguage } = await import('./static/judge.js');
    const page = await (await fetch('./static/page.json')).json();
    window.judged = new LocalBackend(inLanguage(page, 'en'), 'parity');
  }
  const results = [];
  for (const file of document.getElementById('parity').files) {
    const job = window.judged.read(file, {}, {
      sent() {}, accepted() {}, film: ({result, error}) => results.push({result, error}),
    });
    await job.ended;
  }
  return results;
}"""
_INPUT = """() => {
  const input = document.createElement('input');
  Object.assign(input, {type: 'file', multiple: true, id: 'parity'});
  document.body.append(input);
}"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder over HTTP, by its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def chosen(root: Path, count: int, seed: int) -> list[Path]:
    """Films drawn evenly from the folders below a folder."""
    folders: dict[str, list[Path]] = defaultdict(list)
    for film in find_films([root]):
        path = Path(os.fspath(film))
        parts = path.relative_to(root).parts
        folders["/".join(parts[:2])].append(path)
    draw = random.Random(seed)
    shuffled = [draw.sample(films, len(films)) for _, films in sorted(folders.items())]
    turns = [
        film for i in range(count) for films in shuffled if i < len(films) for film in [films[i]]
    ]
    return turns[:count]


def of_browser(page: Page, films: list[Path]) -> list[dict[str, Any]]:
    """What the page says about the films: results, or errors."""
    page.evaluate(_INPUT)
    answers: list[dict[str, Any]] = []
    for start in range(0, len(films), _AT_ONCE):
        page.set_input_files("#parity", films[start : start + _AT_ONCE])
        answers += page.evaluate(_READ)
        print(f"\r{len(answers)} of {len(films)} films", end="", file=sys.stderr)
    print(file=sys.stderr)
    return answers


def first_verdict(page: Page) -> float:
    """Seconds from the page being there to the verdict on a film that was added at once."""
    page.wait_for_selector("body[data-ready]")
    started = time.perf_counter()
    page.set_input_files("#files", sample_films()[0])
    page.wait_for_selector(".row")
    page.wait_for_selector(".row[data-busy=true]", state="detached")
    return time.perf_counter() - started


def is_close(record: dict[str, Any], reader: Reader) -> bool:
    """Whether a figure of Python's result lies within the tolerance of a limit that decides."""
    classifiers: list[Classifier] = (
        list(reader.classifiers.values()) if isinstance(reader, PopulationReader) else [reader]  # type: ignore[list-item]
    )
    rules = next(c.rules for c in classifiers if c.bundle.sha256 == record["bundle_sha256"])
    scores = record["gate"]["scores"]
    gate_limits = rules.offered.gate_limits or {}
    margins = [abs(scores[name] - limit) for name, limit in gate_limits.items() if name in scores]
    p = record["p_unadjusted"]
    if p is not None:
        margins += [abs(p - point.threshold) for point in rules.points]
        if rules.limits is not None:
            for least, most in rules.limits.questions.values():
                margins += [abs(1 - p - least), abs(p - most)]
    return min(margins) <= TOLERANCE


def differences(python: dict[str, Any], answer: dict[str, Any]) -> list[str]:
    """What the page says otherwise, in words."""
    if "error" in python or answer["result"] is None:
        code, other = (python.get("error") or {}).get("code"), (answer["error"] or {}).get("code")
        return [] if code == other else [f"error: Python {code}, page {other}"]
    result = answer["result"]
    values = {
        name: (get(python), get(result))
        for name, get in {
            "label": lambda r: r["label"],
            "population": lambda r: r["population"],
            "gate": lambda r: [reason["code"] for reason in r["gate"]["reasons"]],
            "heatmap": lambda r: (r["explanation"] or {}).get("reliable"),
            "zones": lambda r: [zone["name"] for zone in r["zones"] or ()],
        }.items()
    }
    return [f"{name}: Python {a}, page {b}" for name, (a, b) in values.items() if a != b]


def main() -> int:
    """Runs the comparison; the exit code is 1 if it fails."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("--films", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runtime", type=Path, help="as of `pneumoscope export web`")
    parser.add_argument("--json", type=Path, help="file for all differences")
    options = parser.parse_args()
    films = chosen(options.data, options.films, options.seed)
    reader = load()
    python = [outcome_to_json(outcome) for outcome in reader.predict_many(films)]
    names = ("chromium-headless-shell", "chromium", "google-chrome")
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        export_page(Path(folder) / "page", [], options.runtime)
        with served(Path(folder) / "page") as address:
            browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
            page = browser.new_page()
            page.set_default_timeout(_TIMEOUT_MS)
            page.goto(address)
            print(f"first verdict {first_verdict(page):.1f} s after the page was there")
            answers = of_browser(page, films)
            browser.close()
    return report(films, python, answers, reader, options.json)


def report(
    films: list[Path],
    python: list[dict[str, Any]],
    answers: list[dict[str, Any]],
    reader: Reader,
    file: Path | None,
) -> int:
    """Prints the comparison; returns 1 if the page differs more than it may."""
    rows, dps, failures = [], [], 0
    for film, ours, answer in zip(films, python, answers, strict=True):
        result = answer["result"]
        words = differences(ours, answer)
        close = "error" not in ours and is_close(ours, reader)
        dp = None
        if result is not None and None not in (ours.get("p_unadjusted"), result["p_unadjusted"]):
            dp = abs(ours["p_unadjusted"] - result["p_unadjusted"])
            dps.append(dp)
        verdict_differs = any(word.startswith(("label", "error")) for word in words)
        failed = (verdict_differs and not close) or (dp is not None and dp > TOLERANCE)
        failures += failed
        rows.append(
            {"film": str(film), "dp": dp, "differs": words, "close": close, "failed": failed}
        )
        if words or failed:
            print(
                f"{'FAILED ' if failed else ''}{film}: dp {dp}, {'; '.join(words)}"
                + (" (close to a limit)" if close else "")
            )
    same = sum(not any(word.startswith("label") for word in row["differs"]) for row in rows)
    print(
        f"{len(films)} films; |dp| at most {max(dps):.2e}, on average {statistics.mean(dps):.2e}; {same} verdicts are the same; {failures} failures"
    )
    if file is not None:
        file.write_text(json.dumps(rows, indent=1))
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
