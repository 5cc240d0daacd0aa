"""The columns of a shard: the one definition for writing, for the schema and for the reference page.

A row is filled from a record of `pneumoscope.render.serialise.outcome_to_json`, so that a shard says the
same as ``predict --json``. For a refused film the figures of a verdict are null there, and so here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import MissingExtra
from pneumoscope.render.serialise import NOTICE, outcome_to_json
from pneumoscope.render.wording import is_shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pneumoscope.records import Outcome

    Record = Mapping[str, Any]

Row = dict[str, Any]
"""Column to value; columns without a value may be missing."""

PATH, SHA256, STAMP, ERROR_CODE, HEATMAP = "path", "sha256", "stamp", "error_code", "heatmap"
PREFIX = "p_"
"""Before the name of a class or finding: the column of its probability."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        name: Its name.
        type: Its Arrow type, see `_types`.
        meaning: What it holds, for the reference page.
        fill: Its value, from the record of a film that was read; None for columns that `row_of` fills.
    """

    name: str
    type: str
    meaning: str
    fill: Callable[[Record], Any] | None = None


def _key(name: str) -> Callable[[Record], Any]:
    return lambda record: record.get(name)


def _inner(name: str, key: str) -> Callable[[Record], Any]:
    return lambda record: (record[name] or {}).get(key)


_FILE = (
    Column(PATH, "string", "name of the film: its path below the folder or bucket, `archive.zip/inner/name` "
        "for a film of an archive, or as the manifest has it; unique"),
    Column(SHA256, "string", "SHA-256 of the film's bytes; null if these could not be read"),
    Column("bytes", "int64", "size of the film in bytes; null likewise"),
    Column(STAMP, "string", "size and time or ETag of the file; a film with another one is read again"),
)  # fmt: skip
_VERDICT = (
    Column("label", "string", "the verdict: `NORMAL`, the value of `positive`, `UNDETERMINED` or `REFUSED`; null if "
        "the film could not be read", _key("label")),
    Column("called", "string", "`NORMAL` or the value of `positive` at the operating point, whatever the set says",
        _key("called")),
    Column("forced", "bool", "whether `--force` gave the verdict", _key("forced")),
    Column("positive", "string", "what the bundle calls a film that is not normal", _key("positive")),
    Column("p_positive", "double", "P(positive), in [0, 1], calibrated; at the prevalence if one was chosen",
        _key("p_positive")),
    Column("p_unadjusted", "double", "P(positive) at the prevalence at which the bundle was calibrated",
        _key("p_unadjusted")),
)  # fmt: skip
_DETAILS = (
    Column("classes", "list<string>", "the conformal set of `NORMAL` and the value of `positive`", _key("classes")),
    Column("error_rate", "double", "share of films of either class whose set may miss the true class; null without sets",
        _key("error_rate")),
    Column("kinds", "list<string>", "the conformal set of the kinds of disease", _key("kinds")),
    Column("subtype", "string", "the kind, if there is exactly one", _key("subtype")),
    Column("findings", "list<string>", "names of the findings that are present, for a bundle with several",
        lambda record: None if record["findings"] is None
        else [finding["name"] for finding in record["findings"] if finding["present"]]),
    Column("operating_point", "string", "name of the threshold", _inner("operating_point", "name")),
    Column("threshold", "double", "its value", _inner("operating_point", "threshold")),
    Column("gate", "string", "`ok`, `note` or `refuse`", _inner("gate", "level")),
    Column("reasons", "list<string>", "codes of the gate's reasons, see [gate reasons](gate.md)",
        lambda record: [reason["code"] for reason in record["gate"]["reasons"]]),
    Column("gate_scores", "map<string, double>", "name of each gate measurement to its value",
        lambda record: sorted(record["gate"]["scores"].items())),
    Column("explanation_reliable", "bool", "whether the heatmap explains the verdict",
        _inner("explanation", "reliable")),
    Column("explanation_score", "double", "its score, in [0, 1]", _inner("explanation", "score")),
    Column("population", "string", "population whose bundle was chosen for the film; null with one bundle",
        _key("population")),
    Column("population_source", "string", "what chose it: `age`, `film` or `reader`", _key("population_source")),
    Column("bundle", "string", "name and version of the bundle", _key("bundle")),
    Column("bundle_sha256", "string", "SHA-256 of its `bundle.json`, which contains the hashes of its other files",
        _key("bundle_sha256")),
    Column("profile", "string", "site profile that was applied; null without one", _key("profile")),
    Column(ERROR_CODE, "string", "code of the error if the film could not be read, see [errors](errors.md); then all "
        "columns of the verdict are null"),
    Column("error", "string", "the error in words"),
    Column("hint", "string", "what to do about it"),
)  # fmt: skip
_HEATMAP = Column(HEATMAP, "list<list<float>>", "with `--heatmaps`: rows of the heatmap's cells, >= 0, not normalised; "
    "null for a refused film")  # fmt: skip


def columns(labels: Sequence[str], *, heatmaps: bool) -> tuple[Column, ...]:
    """The columns of a shard.

    Args:
        labels: Classes or findings of the bundles.
        heatmaps: Whether heatmaps are kept.
    """
    probabilities = (
        Column(f"{PREFIX}{name}", "double", f"probability of {name}, in [0, 1]", _probability(name))
        for name in labels
        if f"{PREFIX}{name}" not in {column.name for column in _VERDICT}
    )
    return (*_FILE, *_VERDICT, *probabilities, *_DETAILS, *((_HEATMAP,) if heatmaps else ()))


def _probability(name: str) -> Callable[[Record], Any]:
    return lambda record: (record["probabilities"] or {}).get(name)


def row_of(
    outcome: Outcome, fills: Sequence[Column], *, sha256: str | None, size: int | None, stamp: str
) -> Row:
    """The row of one film.

    Args:
        outcome: Its prediction or error; ``source`` is the name in the table.
        fills: What `columns` gives.
        sha256: SHA-256 of its bytes; None if they could not be read.
        size: Number of its bytes; None likewise.
        stamp: See `Film.stamp`.
    """
    record = outcome_to_json(outcome)
    row: Row = {PATH: outcome.source, SHA256: sha256, "bytes": size, STAMP: stamp}
    if outcome.error is not None:
        error = outcome.error
        return row | {ERROR_CODE: error.code, "error": error.message, "hint": error.hint}
    row |= {column.name: column.fill(record) for column in fills if column.fill is not None}
    prediction = outcome.prediction
    if fills[-1] is _HEATMAP and prediction is not None and is_shown(prediction):
        cells = prediction.heatmap
        row[HEATMAP] = None if cells is None else cells.astype("float32").tolist()
    return row


def schema(fills: Sequence[Column]) -> Any:
    """The Arrow schema of a shard.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise MissingExtra("Parquet (pyarrow)", "batch") from None
    types = {
        "string": pa.string(),
        "bool": pa.bool_(),
        "int64": pa.int64(),
        "double": pa.float64(),
        "list<string>": pa.list_(pa.string()),
        "map<string, double>": pa.map_(pa.string(), pa.float64()),
        "list<list<float>>": pa.list_(pa.list_(pa.float32())),
    }
    fields = [pa.field(column.name, types[column.type]) for column in fills]
    return pa.schema(fields, metadata={"notice": NOTICE})
