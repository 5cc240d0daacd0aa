"""What a batch does with each film, as plain values that go to other processes and into ``run.json``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pneumoscope import __version__
from pneumoscope.batch.columns import columns
from pneumoscope.errors import UsageError
from pneumoscope.files import cause
from pneumoscope.records import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.batch.columns import Column
    from pneumoscope.batch.places import Place
    from pneumoscope.runtime import Reader

FILE = "run.json"
_FORMAT = 1
_WORDS = {
    "source": "films of {}",
    "bundles": "results of other bundles ({})",
    "settings": "results with other settings ({})",
    "heatmaps": "results with another --heatmaps ({})",
}


@dataclass(frozen=True, slots=True)
class ReadJob:
    """How films are read.

    Attributes:
        bundle: Name or folder of the bundle; None for what is shipped.
        settings: What the reader chose.
        bundles: Title of each bundle to its SHA-256, which every process checks.
        labels: Classes or findings of the bundles.
        heatmaps: Whether heatmaps are kept.
    """

    bundle: Path | str | None
    settings: Settings
    bundles: tuple[tuple[str, str], ...]
    labels: tuple[str, ...]
    heatmaps: bool = False

    @classmethod
    def of(cls, reader: Reader, bundle: Path | str | None, *, heatmaps: bool) -> ReadJob:
        """The job of doing what a reader does.

        Args:
            reader: It was loaded from ``bundle``.
            bundle: Name or folder of the bundle; None for what is shipped.
            heatmaps: Whether heatmaps are kept.
        """
        labels = dict.fromkeys(label for b in reader.bundles for label in b.meta.labels)
        return cls(
            bundle=bundle,
            settings=reader.settings,
            bundles=tuple((b.title, b.sha256) for b in reader.bundles),
            labels=tuple(labels),
            heatmaps=heatmaps,
        )

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of its rows."""
        return columns(self.labels, heatmaps=self.heatmaps)


def claim(place: Place, source: str, job: ReadJob) -> None:
    """Notes in a place what its shards are, or checks that they are of the same kind.

    Args:
        place: Where the shards are; locked.
        source: The source of the films, see `Listing.identity`.
        job: How they are read.

    Raises:
        UsageError: The place holds shards of another source or with other settings.
    """
    content: dict[str, Any] = {
        "format": _FORMAT,
        "pneumoscope": __version__,
        "source": source,
        "bundles": dict(job.bundles),
        "labels": list(job.labels),
        "settings": _settings(job.settings),
        "heatmaps": job.heatmaps,
    }
    former = _read(place)
    if former is None:
        if any(name.endswith(".parquet") for name in place.files()):
            raise UsageError(
                f"{place.name}: holds Parquet files of another origin",
                "Name a new folder with --out.",
            )
        place.write(FILE, json.dumps(content, indent=1).encode())
        return
    for key, words in _WORDS.items():
        if former.get(key) != content[key]:
            value = former.get(key)
            text = _differences(value, content[key]) if isinstance(value, dict) else str(value)
            raise UsageError(
                f"{place.name}: holds {words.format(text)}", "Name a new folder with --out."
            )


def _differences(former: dict[str, Any], now: dict[str, Any]) -> str:
    differing = {key: value for key, value in former.items() if now.get(key) != value}
    texts = {k: "the default" if v is None else str(v)[:12] for k, v in differing.items()}
    return ", ".join(f"{key}: {text}" for key, text in texts.items()) or "fewer"


def _read(place: Place) -> dict[str, Any] | None:
    try:
        with place.open(FILE) as stream:
            content = json.loads(stream.read())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UsageError(
            f"{place.name}/{FILE}: is damaged ({cause(error)})", "Name a new folder with --out."
        ) from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise UsageError(
            f"{place.name}/{FILE}: of another version", "Name a new folder with --out."
        )
    return content


def _settings(settings: Settings) -> dict[str, Any]:
    """The settings as JSON; a site profile by the hash of its content."""
    values = asdict(settings)
    if settings.profile is not None:
        values["profile"] = hashlib.sha256(settings.profile.read_bytes()).hexdigest()
    return values
