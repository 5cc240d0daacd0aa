"""Where a training reads and writes."""

from __future__ import annotations

import subprocess
import sys


def test_paths_need_no_keras() -> None:
    program = "import sys, pneumoscope.train.paths; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
