"""The reader's settings: one table.

The command line, the server's form and API schema, the page and the client derive their options,
fields, labels and checks from it. It is plain data and imports nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.records import Settings

Kind = Literal["name", "share", "choice", "flag", "file", "bundle"]
Value = str | float | bool | Path | None

DEFAULT_ERROR = 0.05
"""Error of the conformal sets if the reader chooses none."""
DISEASE = "disease"
"""What titles and help call the positive verdict of any bundle; a form names its bundle's."""
_SHARE = "0.05 stands for 5 %."
_ENVIRONMENT = "PNEUMOSCOPE_"


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a setting that has a fixed list of values.

    Attributes:
        value: The value in options and fields.
        title: Label in a form.
        text: What it does, in a sentence or two.
    """

    value: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class ReaderSetting:
    """One setting.

    Attributes:
        name: Name of the form's field and of the field of `records.Settings`.
        kind: ``"name"`` (of something in the bundle), ``"share"`` (a number in (0, 1)), ``"choice"``,
            ``"flag"``, ``"file"`` or ``"bundle"`` (a name or a folder).
        title: Label of its field in a form.
        help: What it does, for the command line and for forms.
        default: The value if the reader chooses none; None if the bundle or the server decides.
        choices: Values of a ``"choice"``.
        example: A value, as text.
        uploaded: Whether an upload may choose it; the server chooses the others.
    """

    name: str
    kind: Kind
    title: str
    help: str
    default: Value = None
    choices: tuple[Choice, ...] = ()
    example: str = ""
    uploaded: bool = True

    @property
    def option(self) -> str:
        """On the command line, such as ``"--operating-point"``."""
        return "--" + self.name.replace("_", "-")

    @property
    def option_help(self) -> str:
        """`help` for the command line, where a share is a number; the page has fields in percent."""
        return f"{self.help} {_SHARE}" if self.kind == "share" else self.help

    @property
    def variable(self) -> str:
        """In the environment, such as ``"PNEUMOSCOPE_OPERATING_POINT"``."""
        return _ENVIRONMENT + self.name.upper()

    @property
    def metavar(self) -> str:
        """Placeholder of its value in the help of the command line; empty for a flag."""
        if self.kind == "choice":
            return "|".join(self.values)
        return {"name": "NAME", "share": "SHARE", "file": "FILE", "bundle": "NAME|DIR"}.get(
            self.kind, ""
        )

    @property
    def values(self) -> tuple[str, ...]:
        """The values of its choices."""
        return tuple(choice.value for choice in self.choices)

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of its field in an upload's form."""
        schema: dict[str, Any] = {"title": self.title, "description": self.help}
        if self.kind == "share":
            schema |= {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
        elif self.kind == "flag":
            schema |= {"type": "string", "enum": ["true", "false"]}
        else:
            schema |= {"type": "string"}
        if self.choices:
            schema["enum"] = list(self.values)
            schema["oneOf"] = [
                {"const": choice.value, "title": choice.title, "description": choice.text}
                for choice in self.choices
            ]
        if self.default is not None:
            schema["default"] = "false" if self.default is False else self.default
        if self.example:
            schema["example"] = float(self.example) if self.kind == "share" else self.example
        return schema

    def parse(self, text: str) -> Value:
        """The value of a form's field, or of a variable.

        Raises:
            UsageError: The text is not a value of its kind. Ranges are not checked.
        """
        if self.kind == "share":
            try:
                return float(text)
            except ValueError:
                raise UsageError(f"{self.name} is not a number", "Give one such as 0.05.") from None
        if self.kind == "flag":
            if text not in ("true", "false"):
                raise UsageError(
                    f"{self.name} is neither true nor false", "Leave it out for false."
                )
            return text == "true"
        return Path(text) if self.kind == "file" else text

    def check(self, value: Any) -> None:
        """Refuses a value that is out of range for every bundle; None is always accepted.

        Raises:
            UsageError: A share is not between 0 and 1, or a choice is not one of `values`.
        """
        if value is None:
            return
        if self.kind == "choice" and value not in self.values:
            raise UsageError(
                f"{self.name} {value!r} is unknown", f"Choose one of: {', '.join(self.values)}."
            )
        if self.kind == "share" and not 0 < value < 1:
            raise UsageError(f"{self.name} {value:g} is not between 0 and 1", _SHARE)


BUNDLE = ReaderSetting(
    name="bundle",
    kind="bundle",
    title="Model",
    help="Name of a bundle (see `pneumoscope bundles`) or a model folder; the shipped ones by default.",
    uploaded=False,
)
POPULATION = ReaderSetting(
    name="population",
    kind="name",
    title="Population",
    help="Name of the population whose bundle reads the films, where there are bundles for several. By "
    "default it is chosen for each film, by the age in its header or by the film itself.",
    example="adults",
)
OPERATING_POINT = ReaderSetting(
    name="operating_point",
    kind="name",
    title="Operating point",
    help="Named threshold for the label, one of those that the bundle lists.",
    example="balanced",
)
PREVALENCE = ReaderSetting(
    name="prevalence",
    kind="share",
    title=f"Prevalence of {DISEASE} where the films come from",
    help=f"Share of films with {DISEASE} where the films come from. It corrects the shown "
    "probability; the verdict stays the same.",
    example="0.05",
)
ERROR = ReaderSetting(
    name="error",
    kind="share",
    title="Error of the conformal set",
    help="Share of the films of either class that may get a wrong verdict. It decides which films are "
    f"UNDETERMINED. {100 * DEFAULT_ERROR:g} % by default.",
    example="0.05",
)
EXPLAIN = ReaderSetting(
    name="explain",
    kind="choice",
    title="Heatmap",
    help="Heatmap: none; fast, with checks that cost nothing; or checked, which also runs the network "
    "on covered and shifted copies of the film. A heatmap that fails its checks is not shown.",
    default="fast",
    choices=(
        Choice("none", "None", "The verdict only."),
        Choice(
            "fast",
            "With quick checks",
            "Checks whether the heatmap is inside the body (on the lungs, if the bundle looks for "
            "them); needs no further run of the network.",
        ),
        Choice(
            "checked",
            "With thorough checks",
            "Also covers parts of the film and shifts it; slower.",
        ),
    ),
    example="fast",
)
FORCE = ReaderSetting(
    name="force",
    kind="flag",
    title="Verdict despite the gate",
    help="Give a verdict on films that are refused or outside the population too, and mark it.",
    default=False,
    example="false",
)
PROFILE = ReaderSetting(
    name="profile",
    kind="file",
    title="Site profile",
    help="Site profile that `pneumoscope calibrate` wrote.",
    uploaded=False,
)

READER_SETTINGS = (BUNDLE, POPULATION, OPERATING_POINT, PREVALENCE, ERROR, EXPLAIN, FORCE, PROFILE)
UPLOADED = tuple(s for s in READER_SETTINGS if s.uploaded and s is not POPULATION)
"""Those that an upload to a server may choose, and that a bundle serves."""
_CHOSEN = (POPULATION, *UPLOADED)
"""Those that an upload to a server may choose."""
ONE_BUNDLE = replace(
    BUNDLE,
    help="Name of a bundle (see `pneumoscope bundles`) or a model folder; the first shipped one by default.",
)
"""`BUNDLE` of a command that works on one bundle."""
SERVED_BUNDLE = replace(
    BUNDLE,
    kind="name",
    help="Name of one of the server's bundles, see GET /settings; without it, the server's default.",
    uploaded=True,
)
"""`BUNDLE` as a request gives it: a server opens no folder that a request names."""
UPLOAD_FIELDS = (*_CHOSEN, SERVED_BUNDLE)
"""The fields of an upload's form that this table describes."""


def from_form(fields: Mapping[str, str], profile: Path | None = None) -> Settings:
    """The settings of an upload.

    Args:
        fields: Fields of its form, by name; those that are not settings are ignored.
        profile: Site profile of the server, or None.

    Raises:
        UsageError: The text of a field is not a value of its kind.
    """
    # Every command loads this module, but only those that read films need the records.
    from pneumoscope.records import Settings

    chosen: dict[str, Any] = {
        setting.name: setting.parse(fields[setting.name])
        for setting in _CHOSEN
        if setting.name in fields
    }
    return Settings(**chosen, profile=profile)


def from_environment(environ: Mapping[str, str]) -> Settings:
    """The settings in the environment, for a program that has no command line.

    Args:
        environ: Variables by name; an empty one is none.

    Raises:
        UsageError: The text of a variable is not a value of its kind, or out of range.
    """
    from pneumoscope.records import Settings

    chosen: dict[str, Any] = {}
    for setting in (*_CHOSEN, PROFILE):
        if text := environ.get(setting.variable):
            try:
                chosen[setting.name] = setting.parse(text)
                setting.check(chosen[setting.name])
            except UsageError as error:
                raise UsageError(
                    f"{setting.variable}={text}: {error.message}", error.hint
                ) from None
    return Settings(**chosen)


def to_form(settings: Settings) -> dict[str, str]:
    """The fields of an upload's form; settings that are not chosen are left out.

    Raises:
        UsageError: A value is out of range for every bundle.
    """
    fields = {}
    for setting in _CHOSEN:
        value = getattr(settings, setting.name)
        setting.check(value)
        if value is not None and value is not False:
            fields[setting.name] = "true" if value is True else str(value)
    return fields
