from __future__ import annotations

import json

import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")

from pneumoscope.evidence.audit.record import to_csv, to_json
from pneumoscope.evidence.audit.results import Audit


def test_the_record_of_forty_films(plain: Audit) -> None:
    document = json.loads(json.dumps(to_json(plain), allow_nan=False))
    assert document["films"] == {"films": 40}
    assert document["counts"] == {"films": {"normal": 20, "sick": 20}}
    assert document["shortcuts"][0]["contrast"] == "sick against normal"
    assert {f["level"] for f in document["findings"]} <= {
        "pass", "look", "stop", "unknown", "not applicable",
    }  # fmt: skip
    rows = to_csv(plain).splitlines()
    assert len(rows) == 41
    assert rows[1].startswith("normal/000.jpg,,normal,,")
