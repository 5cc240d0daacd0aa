from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")

from pneumoscope.evidence.audit.findings import Finding, overall


def test_the_worst_finding_decides() -> None:
    passed = [Finding("a", "pass", ""), Finding("b", "not applicable", "")]
    assert overall(passed) == "pass"
    assert overall([*passed, Finding("c", "unknown", "")]) == "look"
    assert overall([*passed, Finding("c", "look", ""), Finding("d", "stop", "")]) == "stop"
