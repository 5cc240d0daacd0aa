"""The Streamlit app: one film at a time, for one person; `pneumoscope streamlit` starts it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

try:
    import streamlit as st
except ImportError as error:
    from pneumoscope.errors import MissingExtra

    raise MissingExtra("the Streamlit app", "apps") from error

import pneumoscope
from pneumoscope.apps import reading
from pneumoscope.decision.reader_settings import BUNDLE
from pneumoscope.errors import PneumoscopeError
from pneumoscope.images.samples import sample_films
from pneumoscope.render.heatmap import OPACITY

if TYPE_CHECKING:
    from pneumoscope.records import Outcome
    from pneumoscope.runtime import Reader

# Key of the session for the last film: moving the slider must not read it again.
# (A comment, because Streamlit shows a docstring on the page.)
_READ = "read"

_STYLE = """
.block-container{max-width:1360px;padding-top:1.5rem;padding-bottom:2rem}
.stMainBlockContainer h1{font-size:22px;padding:0}
[data-testid=stImage] img{background:#000}
"""


def main(classifier: Reader | None = None) -> None:
    """Draws the page, as Streamlit does on every change.

    Args:
        classifier: What reads the films, such as ``pneumoscope.load(settings=...)``; by default the
            bundle that PNEUMOSCOPE_BUNDLE names, or the shipped one.
    """
    st.set_page_config("pneumoscope", layout="wide")
    st.html(f"<style>{_STYLE}</style>")
    st.title("pneumoscope", anchor=False)
    st.markdown(f":orange[{reading.PRIVACY}]")
    content = _choose()
    outcome = None if content is None else _read(classifier or _shipped(), *content)
    if outcome is None:
        st.html(reading.card(None))
        return
    left, middle, right = st.columns([5, 5, 4])
    if (film := reading.film(outcome)) is not None:
        left.image(film, caption=outcome.source, width="stretch")
    place = middle.empty()
    opacity = OPACITY
    if reading.fades(outcome):
        start = round(100 * OPACITY)
        opacity = middle.slider("Opacity of the heatmap, %", 0, 100, start, key="opacity") / 100
    if (overlay := reading.overlay(outcome, opacity)) is not None:
        place.image(overlay, width="stretch")
    middle.caption(reading.caption(outcome))
    right.html(reading.card(outcome))


def _choose() -> tuple[str, bytes, str] | None:
    """Identity, bytes and name of the uploaded film or of the chosen example; None for neither."""
    left, right = st.columns([5, 9])
    uploaded = left.file_uploader("Film: DICOM, JPEG, PNG or TIFF", key="film")
    paths = {path.name: path for path in sample_films()}
    picked = None
    if paths:
        picked = right.pills(
            "Synthetic examples", list(paths), key="example", disabled=uploaded is not None
        )
        if uploaded is not None:
            right.caption(reading.EXAMPLES_DISABLED)
    if uploaded is not None:
        return uploaded.file_id, uploaded.getvalue(), uploaded.name
    return None if picked is None else (picked, paths[picked].read_bytes(), picked)


def _shipped() -> Reader:
    load = st.cache_resource(pneumoscope.load, show_spinner="Loading the model")
    try:
        reader: Reader = load(os.environ.get(BUNDLE.variable))
    except PneumoscopeError as error:
        st.error(f"{error.message}. {error.hint}")
        st.stop()
    return reader


def _read(classifier: Reader, key: str, content: bytes, name: str) -> Outcome:
    known: tuple[str, Outcome] | None = st.session_state.get(_READ)
    if known is None or known[0] != key:
        known = key, reading.read(classifier, content, name)
        st.session_state[_READ] = known
    return known[1]


if __name__ == "__main__":
    main()
