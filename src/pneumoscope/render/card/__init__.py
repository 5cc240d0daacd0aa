"""The card of a bundle: model card, evaluation and data sheet, written from its records only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.render.card.data_sheet import data_sheet
from pneumoscope.render.card.figures import headline
from pneumoscope.render.card.model import model_card

if TYPE_CHECKING:
    from pneumoscope.bundle import BundleMeta

__all__ = ["card_of", "headline"]


def card_of(meta: BundleMeta, evaluation: str = "") -> str:
    """The whole card as Markdown.

    Args:
        meta: Content of ``bundle.json``.
        evaluation: A section from `card.evaluation.section`; empty without an evaluation.
    """
    parts = [model_card(meta), evaluation, data_sheet(meta)]
    return "\n".join(part for part in parts if part)
