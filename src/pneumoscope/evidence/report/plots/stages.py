"""Where the time of one film goes, as a plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.plots.style import BAND, DARK, GREY, LIGHT, drawn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure as Drawing

    from pneumoscope.evidence.report.blocks import Plot

NAME = "stages"
_FILMS = {"small": "JPEG, 224 px", "large": "JPEG, 2,890 px", "dicom": "DICOM, 2 MiB"}
_STAGES = {
    "read": ("decoding and resizing", DARK),
    "infer": ("network and gate", LIGHT),
    "explain": ("checks of the heatmap", GREY),
}
_BOUNDS = "decoder and network alone"


def stages_plot(
    stages_ms: Mapping[str, Mapping[str, float]], bounds_ms: Mapping[str, float]
) -> Plot:
    """For each kind of film the stages of a verdict, and the lower bound beside it.

    Args:
        stages_ms: ``"small"``, ``"large"`` and ``"dicom"`` to the milliseconds of ``"read"``, ``"infer"``
            and ``"explain"``.
        bounds_ms: Kind of film to the milliseconds of decoder and network alone; may lack kinds.
    """

    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        places = {kind: 2 - i for i, kind in enumerate(_FILMS)}
        for kind, place in places.items():
            left = 0.0
            for stage, (_, colour) in _STAGES.items():
                width = stages_ms[kind].get(stage, 0.0)
                axes.barh(place + 0.17, width, 0.32, left=left, color=colour)
                left += width
            axes.annotate(f"{left:.1f} ms", (left, place + 0.17), xytext=(4, 0),
                          textcoords="offset points", va="center", fontsize=8)  # fmt: skip
            if kind in bounds_ms:
                axes.barh(place - 0.19, bounds_ms[kind], 0.2, color=BAND)
        for name, colour in [*_STAGES.values(), *([(_BOUNDS, BAND)] if bounds_ms else [])]:
            axes.barh(0, 0, color=colour, label=name)
        axes.set_yticks(list(places.values()), list(_FILMS.values()))
        axes.set(xlabel="ms of one film, one thread")
        axes.margins(x=0.12)
        axes.grid(visible=False, axis="y")
        axes.legend(loc="upper right")

    return drawn(NAME, 6.9, 2.6, draw)
