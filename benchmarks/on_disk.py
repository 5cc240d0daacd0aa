"""What an installation of pneumoscope takes on the disk, package by package, with everything that they need.

python benchmarks/on_disk.py
"""

from __future__ import annotations

from pneumoscope.train.inference_bench.installed import sizes_mb
from pneumoscope.train.inference_bench.measured import OURS


def main() -> None:
    print(table(sizes_mb(OURS)))


def table(sizes: dict[str, float]) -> str:
    """Sizes in 10^6 bytes as a Markdown table, the largest first."""
    lines = ["| | MB |", "|---|---|"]
    lines += [f"| {name} | {mb:.1f} |" for name, mb in sorted(sizes.items(), key=lambda x: -x[1])]
    return "\n".join([*lines, f"| all | {sum(sizes.values()):.1f} |"])


if __name__ == "__main__":
    main()
