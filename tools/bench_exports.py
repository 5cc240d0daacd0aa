"""Exports a bundle in every format and prints the table of docs/how-to/export.md.

    python tools/bench_exports.py --films DIR [--bundle DIR]

Each format is one run of ``pneumoscope export`` in a process of its own, so that none keeps another's
threads; its latency stands beside ONNX Runtime's of the same run. The formats go into a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

FORMATS = ("onnx", "keras", "savedmodel", "litert", "litert-bundle", "litert-int8", "openvino")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--films", type=Path, required=True)
    parser.add_argument("--bundle", type=Path)
    wanted = parser.parse_args()
    print(
        "| format | MB | ms a film | ONNX Runtime, ms | largest \\|dp\\| | mean \\|dp\\| "
        "| verdicts changed | AUC difference |\n|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in FORMATS:
            print(row(name, wanted.films, wanted.bundle, Path(folder)), flush=True)


def row(name: str, films: Path, bundle: Path | None, folder: Path) -> str:
    bundles = [str(bundle)] if bundle else []
    options = ["--format", name, "--films", str(films), "--out", str(folder / name), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "pneumoscope", "export", *bundles, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        why = next((x for x in done.stderr.splitlines() if x.startswith("error: ")), "failed")
        return f"| `{name}` | {why} |"
    facts = json.loads(done.stdout)
    parity = facts["parity"]
    auc = "" if parity["auc"] is None else f"{parity['auc'] - parity['auc_onnx']:+.5f}"
    return (
        f"| `{name}` | {facts['megabytes']:.2f} | {facts['latency_ms']:.1f} "
        f"| {facts['onnx_latency_ms']:.1f} | {parity['max_dp']:.1e} | {parity['mean_dp']:.1e} "
        f"| {parity['verdicts_changed']} of {parity['films']} | {auc} |"
    )


if __name__ == "__main__":
    main()
