"""Checks of a server's answers."""

from __future__ import annotations

import io
from typing import Any

import httpx
import numpy as np
from PIL import Image


def picture(content: bytes) -> np.ndarray[Any, Any]:
    """The pixels of a PNG."""
    return np.asarray(Image.open(io.BytesIO(content)))


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Checks that an answer is a problem document of this status and code; returns it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert set(problem) >= {"type", "title", "detail", "hint", "instance"}
    return problem
