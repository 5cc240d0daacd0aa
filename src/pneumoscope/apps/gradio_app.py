"""The Gradio app: one film at a time, for one person.

>>> from pneumoscope.apps import gradio_app
>>> gradio_app.launch()
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

# Before Gradio is imported: no telemetry.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

try:
    import gradio as gr
except ImportError as error:
    from pneumoscope.errors import MissingExtra

    raise MissingExtra("the Gradio app", "apps") from error

import pneumoscope
from pneumoscope.apps import reading
from pneumoscope.images.limits import MAX_BYTES
from pneumoscope.images.samples import sample_films
from pneumoscope.render.heatmap import OPACITY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.records import Outcome
    from pneumoscope.runtime import Reader

_KEPT_S = 3600
"""Gradio keeps uploads as files, and deletes those that are older."""


def build(classifier: Reader | None = None) -> gr.Blocks:
    """Builds the app without starting it; `launch` also applies its theme.

    Args:
        classifier: What reads the films, such as ``pneumoscope.load(settings=...)``; by default the
            shipped bundle with its default settings.
    """
    reader = classifier or pneumoscope.load()
    _keep_uploads_private()

    def read(path: str | None, opacity: float) -> tuple[Any, ...]:
        if path is None:
            return None, None, None, "", reading.card(None), _opacity(None)
        return _shown(reading.read(reader, Path(path).read_bytes(), Path(path).name), opacity)

    def fade(outcome: Outcome | None, opacity: float) -> NDArray[np.uint8] | None:
        return None if outcome is None else reading.overlay(outcome, opacity / 100)

    with gr.Blocks(
        title="pneumoscope", analytics_enabled=False, delete_cache=(_KEPT_S, _KEPT_S)
    ) as app:
        gr.HTML(f'<div class="title"><h1>pneumoscope</h1><p>{reading.PRIVACY}</p></div>')
        outcome = gr.State(None)
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                file = gr.File(
                    label="Film: DICOM, JPEG, PNG or TIFF", height=112, elem_classes="upload"
                )
            with gr.Column(scale=2, min_width=280):
                if films := sample_films():
                    gr.Examples(
                        [[str(film)] for film in films], [file], label="Synthetic examples",
                        cache_examples=False,
                    )  # fmt: skip
        with gr.Row():
            with gr.Column(scale=5, min_width=280):
                with gr.Row():
                    shown, overlay = _picture("Film", "L"), _picture("Heatmap", "RGB")
                caption = gr.HTML(elem_classes="quiet", apply_default_css=False)
                opacity = gr.Slider(
                    0, 100, round(100 * OPACITY), step=1, label="Opacity of the heatmap, %",
                    interactive=False, info=reading.why_opacity_is_fixed(None),
                )  # fmt: skip
            with gr.Column(scale=2, min_width=280):
                card = gr.HTML(reading.card(None), apply_default_css=False)
        file.change(
            read,
            [file, opacity],
            [outcome, shown, overlay, caption, card, opacity],
            api_name="read",
        )
        opacity.input(
            fade, [outcome, opacity], overlay, api_name="fade",
            trigger_mode="always_last", show_progress="hidden",
        )  # fmt: skip
    return app


def _shown(outcome: Outcome, opacity: float) -> tuple[Any, ...]:
    """The outcome, and what the pictures, the texts and the slider show of it."""
    return (
        outcome,
        reading.film(outcome),
        reading.overlay(outcome, opacity / 100),
        reading.caption(outcome),
        reading.card(outcome),
        _opacity(outcome),
    )


def _opacity(outcome: Outcome | None) -> gr.Slider:
    """The slider for this film; it says why it is disabled, if it is."""
    reason = reading.why_opacity_is_fixed(outcome)
    return gr.Slider(interactive=not reason, info=reason)


def _picture(label: str, mode: Literal["L", "RGB"]) -> gr.Image:
    return gr.Image(
        label=label, format="png", image_mode=mode, height=360, interactive=False,
        buttons=["fullscreen"], elem_classes="picture",
    )  # fmt: skip


def _keep_uploads_private() -> None:
    """Points Gradio to a folder of this process, unless one is named: its own is for every user."""
    if "GRADIO_TEMP_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="pneumoscope-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["GRADIO_TEMP_DIR"] = folder


def launch(classifier: Reader | None = None, **options: Any) -> gr.Blocks:
    """Starts the app: in a notebook below the cell, elsewhere until it is stopped.

    Args:
        classifier: As `build` takes it.
        options: Arguments of ``gradio.Blocks.launch``, such as ``server_port`` or ``height``. Without
            ``share=True`` there is no public address, not even on Colab.
    """
    app = build(classifier)
    theme = gr.themes.Base(
        primary_hue="sky", neutral_hue="slate", font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )  # fmt: skip
    looks = {
        "theme": theme,
        "css_paths": Path(__file__).with_name("gradio.css"),
        "js": "() => document.body.classList.add('dark')",
    }
    fixed = {"share": False, "ssr_mode": False, "height": 720, "max_file_size": MAX_BYTES}
    quiet = {"enable_monitoring": False, "footer_links": []}
    app.launch(**looks | fixed | quiet | options)
    return app
