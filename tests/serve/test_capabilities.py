"""What a server says about its bundle and about what a reader can choose."""

from __future__ import annotations

from live import Live


def test_about_the_model_and_the_choices(live: Live) -> None:
    model = live.client.get("/api/v1/model").json()
    assert model["bundle"] == "tiny 1"
    assert model["card"] == "# tiny\n"
    assert model["labels"] == ["normal", "bacterial", "viral"]
    assert model["calibration"]["prevalence"] == 0.5
    assert model["gate"].startswith("none of its own")
    assert model["gate_limits"] == {}
    assert "bundle_path" not in model
    choices = live.client.get("/api/v1/settings").json()
    assert [p["name"] for p in choices["operating_points"]] == ["balanced", "screen"]
    assert choices["limits"]["max_files"] == 6
    assert choices["error"] == {"possible": False, "smallest": None}
    assert "inverted" in choices["gate_reasons"]
    assert live.client.get("/api/v1/me").json()["name"] == "local"
