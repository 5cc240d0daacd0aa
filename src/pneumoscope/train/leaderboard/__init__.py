"""Runs side by side, compared by the same figures."""

from pneumoscope.train.leaderboard.page import to_markdown
from pneumoscope.train.leaderboard.rows import Row, by_data, table, to_json
from pneumoscope.train.leaderboard.runs import Run, blind_predictions, find

__all__ = ["Row", "Run", "blind_predictions", "by_data", "find", "table", "to_json", "to_markdown"]
