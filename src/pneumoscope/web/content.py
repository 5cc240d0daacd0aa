"""What the page knows, as JSON: bundles, sentences, errors, and what a reader may choose."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from pneumoscope import errors
from pneumoscope.decision import gate
from pneumoscope.decision.explain import CHECKED, HeatmapLimits
from pneumoscope.decision.sentences import TABLES, translated
from pneumoscope.images import archive_errors, tiff
from pneumoscope.images.foreign import BEGINNINGS, BRANDS, DOWNLOAD_ADVICE, SAVE_ADVICE
from pneumoscope.images.media import other_classes
from pneumoscope.jobs.readers import AUTOMATIC
from pneumoscope.languages.current import LANGUAGES, speaking
from pneumoscope.records import NO_HEATMAPS
from pneumoscope.render.localised import localised
from pneumoscope.render.serialise import NOTICE
from pneumoscope.runtime.populations import choice_among
from pneumoscope.serve.capabilities import model_facts, reader_choices
from pneumoscope.serve.settings import ServeSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumoscope.decision.profile import SiteProfile
    from pneumoscope.runtime import Classifier, PopulationReader

# What decides in the page, of the content of bundle.json.
_DECIDING: Final = (
    *("labels", "negative", "positive", "kinds", "kinds_warning", "warnings", "population"),
    *("conformal", "operating_points", "default_operating_point", "gate", "heatmaps"),
    *("size", "source_size", "resize"),
)
# What of it has sentences for readers.
_READABLE: Final = ("kinds_warning", "warnings", "operating_points", "profile")
# What decides in the page, of a site profile; without the figures on single films that drift is measured by.
_AT_SITE: Final = (
    *("calibration", "points", "default_operating_point", "conformal", "gate_limits"),
    "prevalence",
)
# Errors of films, with placeholders in the place of their values.
_FILM_ERRORS: Final[tuple[tuple[Any, tuple[str, ...]], ...]] = (
    (errors.MissingFile, ("{name}",)),
    (errors.EmptySource, ("{name}",)),
    (errors.UnknownFormat, ("{name}", "{kind}")),
    (errors.UnreadableImage, ("{name}", "{reason}")),
    (errors.TruncatedImage, ("{name}",)),
    (errors.OnlyPadding, ("{name}",)),
    (errors.StoredAsText, ("{name}",)),
    (errors.UnsupportedSyntax, ("{name}", "{syntax}")),
    (errors.DeflatedDicom, ("{name}",)),
    (errors.UnsupportedCoding, ("{name}", "{what}")),
    (errors.UnsupportedObject, ("{name}", "{what}")),
    (errors.NotA2DImage, ("{name}", "{what}")),
    (errors.TooSmall, ("{name}", "{rows}", "{columns}", "{least}")),
    (errors.TooLarge, ("{name}", "{what}", "{limit}")),
    (archive_errors.BrokenArchive, ("{name}",)),
    (archive_errors.NoFilmInArchive, ("{name}",)),
    (archive_errors.ArchiveTooLarge, ("{name}", "{what}")),
    (archive_errors.NestedArchive, ("{name}",)),
    (archive_errors.EncryptedArchive, ("{name}",)),
    (archive_errors.UnknownPacking, ("{name}",)),
)
_PAGE_ERRORS: Final = {
    "TookTooLong": {
        "message": "{name}: decoding was stopped, it took more than {seconds} s or failed",
        "hint": "The file may be damaged: export it again. On a slow device, export it at a smaller size.",
    },
    "FileChanged": {
        "message": "{name}: cannot be opened any more",
        "hint": "It was moved, changed or deleted after it was chosen: add it again.",
    },
    "AlteredPixels": {
        "message": "{name}: this browser changes the pixels that a page reads, so no film can be judged",
        "hint": "Turn off its protection against fingerprinting for this page, or use another browser.",
    },
    "Unexpected": {
        "message": "{name}: could not be read ({what})",
        "hint": "Load the page again; with the network on, if files of the page are missing.",
    },
    "UsageError": {
        "message": "{name}: the model cannot serve this choice: {setting}",
        "hint": "Open the settings and reset them.",
    },
    "UnknownOperatingPoint": {
        "message": "{name}: the model has no operating point {setting}",
        "hint": "Open the settings and reset them.",
    },
}
TITLE: Final = "The film was not read"
# Reasons in errors that the scripts of the page give.
_REASONS: Final = (
    *("a checksum is wrong", "damaged in the archive", "the archive lists too many files"),
    *(
        "unpacks to more than a film may have",
        "its palette is incomplete",
        "no pixels",
        "several pages",
    ),
    *("no page but reduced copies", "floating point pixels, not a radiograph"),
    "a raw detector image (For Processing), not For Presentation",
)


def page_content(bundles: Mapping[str, Classifier], codecs: Sequence[str]) -> dict[str, Any]:
    """The content of ``page.json``, without the version of the page.

    Args:
        bundles: Classifiers by name of their bundle; the first is tried first.
        codecs: Names of the decoders that the page has.
    """
    choice = choice_among(bundles)
    named: dict[str, Classifier | PopulationReader] = {} if choice is None else {AUTOMATIC: choice}
    named |= bundles
    settings = reader_choices(named, ServeSettings())
    for offered in settings.values():
        _without_a_server(offered)
    content: dict[str, Any] = {
        "automatic": choice is not None,
        "bundles": {name: _bundle(name, classifier) for name, classifier in bundles.items()},
        "settings": settings,
        "models": {name: model_facts(reader) for name, reader in named.items()},
        "errors": _errors(),
        "foreign": foreign_words(),
        "other_objects": list(other_classes()),
        "codecs": list(codecs),
        "notice": NOTICE,
        "no_heatmaps": NO_HEATMAPS,
    }
    content = json.loads(json.dumps(content))  # `localised` takes lists, not tuples
    words = {}
    for language in LANGUAGES:
        with speaking(language):
            words[language] = _words(content) | {"sentences": TABLES[language]}
    return content | {"languages": words}


def _words(content: Mapping[str, Any]) -> dict[str, Any]:
    """What of the content is for readers, in the language in use."""
    foreign = content["foreign"]
    others = (*foreign["beginnings"], *foreign["brands"].values(), *foreign["otherwise"].values())
    reasons = (*_REASONS, *(words[key] for words in others for key in ("kind", "advice")))
    return {
        "settings": localised(content["settings"]),
        "models": localised(content["models"]),
        "bundles": {
            name: localised({key: bundle[key] for key in _READABLE})
            for name, bundle in content["bundles"].items()
        },
        "errors": {
            code: {key: translated(text) for key, text in texts.items()}
            for code, texts in content["errors"].items()
        },
        "reasons": {reason: translated(reason) for reason in reasons if reason},
        "notice": translated(NOTICE),
        "no_heatmaps": translated(NO_HEATMAPS),
    }


def _bundle(name: str, classifier: Classifier) -> dict[str, Any]:
    bundle, meta = classifier.bundle, asdict(classifier.bundle.meta)
    heads = None if bundle.gate is None else gate.read_heads(bundle.gate)
    limits = HeatmapLimits.recorded(bundle.meta.explanation)
    if meta["gate"] is not None:
        meta["gate"]["limits"] = dict(classifier.rules.offered.gate_limits or {})
    return {key: meta[key] for key in _DECIDING} | {
        "title": bundle.title,
        "sha256": bundle.sha256,
        "calibration": {"prevalence": meta["calibration"]["prevalence"]},
        "profile": None if classifier.profile is None else _profile(classifier.profile),
        "heatmap_limits": None if limits is None else asdict(limits),
        "heads": None if heads is None else _heads(heads),
        "model": f"models/{quote(name)}.onnx",
    }


def _profile(profile: SiteProfile) -> dict[str, Any]:
    content = asdict(profile)
    return {key: content[key] for key in _AT_SITE} | {"title": profile.title}


def _heads(heads: gate.Heads) -> dict[str, Any]:
    return {
        "kinds": list(heads.kinds),
        "weights": heads.weights.tolist(),
        "bias": heads.bias.tolist(),
        "mirror": heads.mirror.tolist(),
        "others": None if heads.others is None else heads.others.tolist(),
    }


def _without_a_server(offered: dict[str, Any]) -> None:
    """Takes the thorough check of heatmaps out of what a reader may choose, and the limits of uploads."""
    del offered["limits"]
    offered["explain"] = [mode for mode in offered["explain"] if mode != CHECKED]
    field = offered["form"]["properties"].get("explain")
    if field is not None:
        field["enum"] = [mode for mode in field["enum"] if mode != CHECKED]
        field["oneOf"] = [mode for mode in field["oneOf"] if mode["const"] != CHECKED]


def _errors() -> dict[str, dict[str, str]]:
    """Messages and hints by the code of an error, with placeholders."""
    of_films = [kind(*values) for kind, values in _FILM_ERRORS]
    words = {error.code: {"message": error.message, "hint": error.hint} for error in of_films}
    return {code: {"title": TITLE, **text} for code, text in (words | _PAGE_ERRORS).items()}


def foreign_words() -> dict[str, Any]:
    """Words for files that are no films, by how they begin, and for the compressions of TIFF."""

    def words(kind: str, advice: str) -> dict[str, str]:
        return {"kind": f"{kind}, not an image format that pneumoscope reads", "advice": advice}

    return {
        "beginnings": [
            {"beginning": beginning.decode("latin-1"), **words(kind, advice)}
            for beginning, kind, advice in BEGINNINGS
        ],
        "brands": {brand.decode(): words(kind, SAVE_ADVICE) for brand, kind in BRANDS.items()},
        "video": words("a video", "Export the film itself, as DICOM or PNG."),
        "otherwise": {
            "page": words("a web page", DOWNLOAD_ADVICE),
            "unknown": {"kind": "not an image format that pneumoscope reads", "advice": ""},
        },
        "compressions": tiff.NAMES,
    }
