"""What both apps show of a film: two pictures and a card with the verdict."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.render import heatmap, page_frame, sheet, wording
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.records import Outcome
    from pneumoscope.runtime import Reader

SIDE_PX = 1024
"""Longest side of a picture, small enough to draw the overlay while the slider moves."""
PROMPT = "Choose a film: DICOM, JPEG, PNG or TIFF."
EXAMPLES_DISABLED = "Remove the uploaded film to choose an example."
PRIVACY = f"{NOTICE} Films are read where this app runs."

# Nested, so that no rule applies to the rest of the page.
STYLE = f""".pneumoscope-card{{{page_frame.DARK};background:var(--card);color:var(--text);
border:1px solid var(--line);border-radius:12px;padding:18px 20px;overflow-wrap:anywhere;
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;{sheet.CARD_STYLE}{sheet.icon_style()}
p,li,td{{color:inherit;font-family:inherit}}
td{{border-width:1px 0 0;border-color:var(--line)}}
:is(.verdict,.why,.p){{line-height:1.4}}
&>:first-child{{margin-top:0}}&>:last-child{{margin-bottom:0}}}}"""


class _Named(io.BytesIO):
    """A film's bytes, with the name that messages use for it."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def read(classifier: Reader, content: bytes, name: str) -> Outcome:
    """Reads and judges one film; the outcome of an unreadable film holds the error.

    Args:
        classifier: What reads it.
        content: The bytes of its file.
        name: Its name.

    Returns:
        The outcome with its film, at most `SIDE_PX` along either side.
    """
    outcome = next(classifier.predict_many([_Named(content, name)], keep_films=True))
    if outcome.film is None:
        return outcome
    from PIL import Image

    image = Image.fromarray(_grey(outcome.film.pixels))
    image.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    levels = np.asarray(image)
    small = replace(outcome.film, pixels=levels.astype(np.float32) / np.float32(255), levels=levels)
    return replace(outcome, film=small)


def film(outcome: Outcome) -> NDArray[np.uint8] | None:
    """The film, uint8 (rows, columns); None if it could not be read."""
    return None if outcome.film is None else _grey(outcome.film.pixels)


def overlay(outcome: Outcome, opacity: float) -> NDArray[np.uint8] | None:
    """The film with its heatmap, uint8 (rows, columns, 3); None where there is no heatmap.

    Args:
        outcome: As `read` returns it.
        opacity: Opacity of the hottest spot, in [0, 1].
    """
    p = outcome.prediction
    if p is None or p.heatmap is None or not wording.is_shown(p):
        return None
    return heatmap.overlay_of(outcome, opacity)


def fades(outcome: Outcome) -> bool:
    """Whether the opacity makes a difference."""
    p = outcome.prediction
    return p is not None and p.explanation is not None and p.explanation.reliable


def why_opacity_is_fixed(outcome: Outcome | None) -> str:
    """Why the opacity cannot be changed, in a sentence; empty if it makes a difference."""
    if outcome is None:
        return "It can be changed when a film with a heatmap is open."
    if outcome.prediction is None:
        return "It cannot be changed: the film could not be read."
    if fades(outcome):
        return ""
    why = wording.no_heatmap(outcome.prediction)
    return f"It cannot be changed. {why}."


def caption(outcome: Outcome) -> str:
    """The caption of the heatmap, or the reason why there is none."""
    if outcome.prediction is None:
        return "No heatmap: the film could not be read."
    return wording.heatmap_caption(outcome.prediction)


def card(outcome: Outcome | None) -> str:
    """The verdict with its figures, or why there is none, as HTML with its own style."""
    content = f'<p class="why">{PROMPT}</p>' if outcome is None else sheet.judgement(outcome)
    return f'<style>{STYLE}</style><div class="pneumoscope-card">{content}</div>'


def _grey(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
