"""The commands and their options."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pneumoscope import __version__
from pneumoscope.cli import accounts, apps
from pneumoscope.records import Settings

app = typer.Typer(
    name="pneumoscope",
    help="Reads chest X-rays: NORMAL or PNEUMONIA, with a probability and a heatmap. "
    "Research use, not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pneumoscope {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


Bundle = Annotated[
    Path | None,
    typer.Option("--bundle", metavar="DIR", help="Model folder; the shipped one by default."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]

Data = Annotated[
    Path | None,
    typer.Option(
        envvar="PNEUMOSCOPE_DATA",
        metavar="DIR",
        help="Films in any layout, such as the Kaggle set chest-xray-pneumonia.",
    ),
]
Backend = Annotated[str, typer.Option(help="Keras backend: tensorflow, jax or torch.")]
Cache = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Decoded films; the user's cache by default.")
]


@app.command(
    epilog="Example: pneumoscope predict film.dcm ward/ --prevalence 0.05 --json > results.json"
)
def predict(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH", help="Films, folders, glob patterns, or - for one film on stdin."
        ),
    ],
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV to stdout.")] = False,
    heatmaps: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write each film with its heatmap as PNG."),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write one HTML page: films, heatmaps, verdicts."),
    ] = None,
    operating_point: Annotated[
        str | None,
        typer.Option(
            envvar="PNEUMOSCOPE_OPERATING_POINT",
            metavar="NAME",
            help="Threshold for the label; see `pneumoscope info`.",
        ),
    ] = None,
    error: Annotated[
        float | None,
        typer.Option(
            envvar="PNEUMOSCOPE_ERROR",
            metavar="SHARE",
            help="Films of either class that may get a wrong verdict; unclear ones are "
            "UNDETERMINED. 0.05 by default.",
        ),
    ] = None,
    prevalence: Annotated[
        float | None,
        typer.Option(
            envvar="PNEUMOSCOPE_PREVALENCE",
            metavar="SHARE",
            help="Share of pneumonia where the films come from: corrects the shown probability.",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            envvar="PNEUMOSCOPE_FORCE",
            help="Give a verdict on refused films too, marked.",
        ),
    ] = False,
    profile: Annotated[
        Path | None,
        typer.Option(
            envvar="PNEUMOSCOPE_PROFILE",
            metavar="FILE",
            help="Site profile that `pneumoscope calibrate` wrote.",
        ),
    ] = None,
    explain: Annotated[
        str,
        typer.Option(
            envvar="PNEUMOSCOPE_EXPLAIN",
            metavar="none|fast|checked",
            help="Heatmap: none; fast, with checks that cost nothing; or checked, which also runs "
            "the network on covered and shifted copies. One that fails is not shown.",
        ),
    ] = "fast",
    occlusion: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write as PNG how covering each place of a film changes its odds; slow.",
        ),
    ] = None,
    bundle: Bundle = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Processor threads; all by default.")
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            envvar="PNEUMOSCOPE_SERVER",
            metavar="URL",
            help="Let a `pneumoscope serve` there do the work; its API token is taken from "
            "PNEUMOSCOPE_TOKEN.",
        ),
    ] = None,
) -> None:
    """Say NORMAL, PNEUMONIA or UNDETERMINED for each film, or refuse it.

    Reads DICOM, JPEG, PNG, TIFF, BMP and WebP, by content. A film that cannot be read is
    reported, the others go on, and the exit code is 1.
    """
    from pneumoscope.cli import predict as command

    if json and csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    output = "json" if json else "csv" if csv else "table"
    if explain == "none" and heatmaps is not None:
        raise typer.BadParameter("--heatmaps and --explain none exclude each other")
    if server is not None:
        mine: dict[str, object] = {"--sheet": sheet, "--occlusion": occlusion, "--profile": profile}
        mine |= {"--bundle": bundle, "--threads": threads}
        for name, value in mine.items():
            if value is not None:
                raise typer.BadParameter(f"--server and {name} exclude each other")
    request = command.Request(tuple(paths), output, heatmaps, sheet, occlusion, server)
    settings = Settings(operating_point, error, prevalence, force, explain, profile)
    sys.exit(command.run(request, bundle, threads, settings))


@app.command(epilog="Example: pneumoscope info --json")
def info(
    bundle: Bundle = None,
    json: Json = False,
    card: Annotated[bool, typer.Option("--card", help="Print the whole model card.")] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Run the golden inputs: does this machine compute the same?"),
    ] = False,
) -> None:
    """Show the bundle, its figures, operating points, versions and providers."""
    from pneumoscope.cli import info as command

    if card and (json or check):
        raise typer.BadParameter("--card stands alone")
    command.run(bundle, as_json=json, card=card, check=check)


@app.command(
    epilog="Example: pneumoscope card runs/flagship/bundle --evidence evidence --out card.md"
)
def card(
    bundle: Annotated[
        Path | None, typer.Argument(help="Model folder; the shipped one by default.")
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of `pneumoscope evaluate`: adds its figures."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write there instead of to stdout.")
    ] = None,
    in_place: Annotated[
        bool,
        typer.Option(
            "--in-place",
            help="Replace the card inside the bundle. The bundle's SHA-256 changes, its model does not.",
        ),
    ] = False,
) -> None:
    """Write a bundle's model card and the data sheet of its training films, from the records."""
    from pneumoscope.cli import card as command

    if out is not None and in_place:
        raise typer.BadParameter("--out and --in-place exclude each other")
    command.run(bundle, evidence, out, in_place=in_place)


@app.command(
    epilog="Example: pneumoscope train flagship --data chest_xray --out runs/flagship "
    "(a killed run goes on with the same command)"
)
def train(
    recipe: Annotated[
        str, typer.Argument(help="Name of a shipped recipe, or a TOML file.")
    ] = "flagship",
    data: Data = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Run folder; runs/NAME-SEED by default."),
    ] = None,
    weights: Annotated[
        str,
        typer.Option(help="'imagenet' (downloaded by Keras), a .h5 file, or 'none'."),
    ] = "imagenet",
    seed: Annotated[int | None, typer.Option(min=0, help="In place of the recipe's.")] = None,
    epochs: Annotated[int | None, typer.Option(min=0, help="In place of the recipe's.")] = None,
    head_epochs: Annotated[
        int | None, typer.Option(min=0, help="Those with a frozen backbone, likewise.")
    ] = None,
    backend: Backend = "tensorflow",
    cache: Cache = None,
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Pictures that are no chest films, for the gate; see the how-to on gate material.",
        ),
    ] = None,
    devices: Annotated[
        str,
        typer.Option(
            metavar="N|all", help="Devices that share each batch; more than 1 with --backend jax."
        ),
    ] = "1",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write event files into RUN/tensorboard.")
    ] = False,
    mlflow: Annotated[
        str | None,
        typer.Option(metavar="URI|DIR", help="Tell an MLflow server, or a database in a folder."),
    ] = None,
    find_learning_rate: Annotated[
        bool,
        typer.Option(
            "--find-learning-rate",
            help="Train nothing; test a range of rates for each phase, plot and suggest one.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Train a recipe and write its bundle.

    Networks that a recipe may name: MobileNetV2, MobileNetV3Small, MobileNetV3Large,
    EfficientNetV2B0, EfficientNetV2B1, EfficientNetV2B2, EfficientNetV2B3, DenseNet121, ResNet50,
    ConvNeXtTiny, cnn, or a function of your own as module:function.
    """
    from pneumoscope.cli import train as command

    if find_learning_rate and (tensorboard or mlflow is not None):
        raise typer.BadParameter("--find-learning-rate tells TensorBoard and MLflow nothing")
    request = command.Request(
        recipe, data, out, weights, cache, backend, devices, tensorboard, mlflow, pictures
    )
    start = command.find_learning_rate if find_learning_rate else command.run
    start(request, {"seed": seed, "epochs": epochs, "head_epochs": head_epochs}, as_json=json)


@app.command(epilog="Example: pneumoscope leaderboard runs --out results.md")
def leaderboard(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUNS", help="Run folders, or folders that hold some."),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all figures as a Markdown page.")
    ] = None,
    blind: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="JSON of predictions per film on a set kept apart."),
    ] = None,
    json: Json = False,
) -> None:
    """Compare finished runs: one row per recipe, means over seeds, patient-clustered intervals."""
    from pneumoscope.cli import leaderboard as command

    command.run(runs, blind or [], out, as_json=json)


data_app = typer.Typer(help="Get training films, and see what is in them.", no_args_is_help=True)
app.add_typer(data_app, name="data")


@data_app.command(
    epilog="Example: pneumoscope data check chest_xray --json > report.json",
)
def check(
    folder: Annotated[
        Path,
        typer.Argument(
            envvar="PNEUMOSCOPE_DATA",
            metavar="DIR",
            help="Folder of films in any layout that training knows, or a CSV manifest.",
        ),
    ],
    json: Json = False,
    task: Annotated[
        str | None,
        typer.Option(help="binary, multiclass or multilabel; by default what the labels tell."),
    ] = None,
) -> None:
    """Say what a data folder holds: classes, broken films, duplicates, patients.

    Reads every film. The exit code is 1 if one cannot be read.
    """
    from pneumoscope.cli import data as command

    sys.exit(command.check(folder, task, as_json=json))


@data_app.command(
    epilog="Example: pneumoscope data download --from archive.zip --to chest_xray",
)
def download(
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="DIR|ZIP", help="A copy of the set; by default it comes from Kaggle."
        ),
    ] = None,
    target: Annotated[
        Path,
        typer.Option(
            "--to", envvar="PNEUMOSCOPE_DATA", metavar="DIR", help="New folder for the films."
        ),
    ] = Path("chest_xray"),
    json: Json = False,
) -> None:
    """Get the Kaggle set chest-xray-pneumonia, or copy or unpack another, with SHA-256 sums."""
    from pneumoscope.cli import data as command

    command.download(source, target, as_json=json)


@app.command(
    epilog="Example: pneumoscope audit chest_xray --out audit (then open audit/audit.html)"
)
def audit(
    data: Annotated[
        Path,
        typer.Argument(
            envvar="PNEUMOSCOPE_DATA",
            metavar="DATA",
            help="Folder of films, with labels or without, or a CSV manifest.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for audit.html, audit.json and films.csv.")
    ] = Path("audit"),
    bundle: Bundle = None,
    json: Json = False,
) -> None:
    """Judge a data set before anyone trains on it: pass, look or stop, with reasons.

    Copies, patients in two splits, prior shift, what gives the label away without anatomy (files,
    image statistics, thumbnails), doubtful labels. Reads every film, those for testing too. The exit
    code is 0 for pass and look, 3 for stop.
    """
    from pneumoscope.cli import audit as command

    sys.exit(command.run(data, out, bundle, as_json=json))


@app.command(
    epilog="Example: pneumoscope evaluate runs/mine chest_xray --out evidence --prevalence 0.05"
)
def evaluate(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="[BUNDLE]... DATA",
            help="Model folders (the shipped bundle if there is none), then labelled films: a folder in "
            "any layout, or a CSV manifest.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Folder of the evaluation; goes on with a killed one."),
    ] = Path("evidence"),
    split: Annotated[
        str,
        typer.Option(
            help="auto, validation, test, train or all. auto: films held out in the bundle's "
            "training if the data are that set, else the data's films for testing, else those that "
            "a table keeps for validation, else all."
        ),
    ] = "auto",
    prevalence: Annotated[
        list[float] | None,
        typer.Option(metavar="SHARE", help="Also PPV and NPV at this prevalence; repeatable."),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="Subgroups by this column of the manifest; repeatable."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SECTION",
            help="Of calibration, decision, conformal, subgroups, pairs, shortcuts, gallery, "
            "robustness, anatomy, sanity measure only these; repeatable.",
        ),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option(metavar="SECTION", help="Leave these out; repeatable.")
    ] = None,
    draws: Annotated[int, typer.Option(min=2, help="Draws of patients for the intervals.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Processor threads; all by default.")
    ] = None,
    cache: Cache = None,
    report: Annotated[
        bool,
        typer.Option("--report/--no-report", help="Write report.html, report.pdf and plots too."),
    ] = True,
    json: Json = False,
) -> None:
    """Measure bundles on labelled films: everything that a reviewer would ask for.

    Every figure has a 95 % interval by patient-clustered bootstrap. Writes report.html,
    report.pdf, plots, metrics.json and predictions.parquet. A film that cannot be read is reported, the others go on, and the exit code
    is 1.
    """
    from pneumoscope.cli import evaluate as command

    request = command.Request(
        tuple(paths), out, split, tuple(prevalence or ()), tuple(by or ()), draws, seed,
        tuple(only or ()), tuple(skip or ()), threads, cache, report,
    )  # fmt: skip
    sys.exit(command.run(request, as_json=json))


@app.command(
    epilog="Example: pneumoscope calibrate our_films --out site.json --name Ward-7 --report site.html"
)
def calibrate(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="50 to 200 labelled films of your own: a folder in any layout, or a CSV manifest.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The site profile to write.")] = Path(
        "site.json"
    ),
    name: Annotated[
        str | None, typer.Option(help="Of the site; that of the data folder by default.")
    ] = None,
    prevalence: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Share of films with pneumonia in your practice."),
    ] = None,
    min_sensitivity: Annotated[
        float, typer.Option(metavar="SHARE", help="Go only if its 95 % interval lies above.")
    ] = 0.9,
    min_specificity: Annotated[
        float, typer.Option(metavar="SHARE", help="Go only if its 95 % interval lies above.")
    ] = 0.7,
    bundle: Bundle = None,
    older: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="DIR", help="Older bundle whose operating points are carried over."
        ),
    ] = None,
    older_profile: Annotated[
        Path | None,
        typer.Option(
            "--from-profile", metavar="FILE", help="Site profile that was in use with it."
        ),
    ] = None,
    split: Annotated[
        str, typer.Option(help="auto, validation, test, train or all; see `pneumoscope evaluate`.")
    ] = "auto",
    cache: Cache = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write an HTML page with plots.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 on no-go.")] = False,
    json: Json = False,
) -> None:
    """Fit a bundle to a site's own films: go or no-go, and a site profile for `predict --profile`.

    Refits calibration, operating points, conformal scores and gate limits, measures them on films that
    had no part in the fit, and says whether the films are enough to rely on. Nothing leaves the machine;
    the profile holds no film and no name.
    """
    from pneumoscope.cli import calibrate as command

    request = command.Request(
        data, out, name, prevalence, (min_sensitivity, min_specificity), bundle,
        (older, older_profile), split, cache, report, strict,
    )  # fmt: skip
    sys.exit(command.run(request, as_json=json))


@app.command(
    epilog="Example: pneumoscope drift monday.json tuesday.json --profile site.json --report drift.html"
)
def drift(
    predictions: Annotated[
        list[Path],
        typer.Argument(
            metavar="PREDICTIONS",
            help="What `pneumoscope predict --json` wrote, in order of time; CSV holds no gate "
            "measurements.",
        ),
    ],
    profile: Annotated[
        Path,
        typer.Option(
            envvar="PNEUMOSCOPE_PROFILE", metavar="FILE", help="Of `pneumoscope calibrate`."
        ),
    ],
    last: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the last N films.")
    ] = None,
    patient: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Finds the patient in a film's name; only the first film of each counts.",
        ),
    ] = None,
    false_alarms: Annotated[
        float,
        typer.Option(
            metavar="SHARE", help="Chance of an alarm over a whole stretch without change."
        ),
    ] = 0.05,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write an HTML page with a plot.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare a stretch of predictions with the site profile: have the films changed?

    A sequential test of scores, gate measurements and refusals, with a stated chance of false alarms
    however often it is looked at. The exit code is 3 for an alarm.
    """
    from pneumoscope.cli import drift as command

    request = command.Request(tuple(predictions), profile, last, patient, false_alarms, report)
    sys.exit(command.run(request, as_json=json))


bench_app = typer.Typer(help="Measure speed on this machine.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")


@bench_app.callback()
def _bench() -> None:
    pass


@bench_app.command("train", epilog="Example: pneumoscope bench train flagship --data chest_xray")
def bench_train(
    recipe: Annotated[
        str, typer.Argument(help="Name of a shipped recipe, or a TOML file.")
    ] = "flagship",
    data: Data = None,
    backend: Backend = "tensorflow",
    cache: Cache = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps in a round.")] = 10,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; medians count.")] = 5,
    json: Json = False,
) -> None:
    """Films a second in training: the ceiling, this studio, and the notebooks' way, in turns."""
    from pneumoscope.cli import bench as command

    command.train(recipe, data, cache, backend, steps, rounds, as_json=json)


@app.command(epilog="Example: pneumoscope export --format litert --films chest_xray/train")
def export(
    bundle: Annotated[
        Path | None, typer.Argument(help="Model folder; the shipped one by default.")
    ] = None,
    format: Annotated[  # noqa: A002 (the option's name)
        str,
        typer.Option(help="keras, savedmodel, onnx, litert, litert-int8 or openvino."),
    ] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="File, or folder for savedmodel and openvino."),
    ] = None,
    films: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Films to compare on, up to 500; drawn ones by default. int8 calibrates on some.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write a bundle in another format, checked against ONNX Runtime."""
    from pneumoscope.cli import export as command

    command.run(command.Request(bundle, format, out, films), as_json=json)


@app.command(
    "import",
    epilog="Example: pneumoscope import model.h5 --labels normal,pneumonia --size 150 --out mine",
)
def import_model(
    model: Annotated[Path, typer.Argument(help="A whole Keras model: .keras or .h5.")],
    labels: Annotated[
        str, typer.Option(help="Class names in the order of the outputs, with commas between.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The bundle to write.")],
    size: Annotated[
        int | None, typer.Option(min=16, max=1024, help="Side of its input; the model's own.")
    ] = None,
    scaling: Annotated[
        str,
        typer.Option(
            help="How the notebook scaled its pictures: unit (x/255), none, minus-one-to-one, "
            "imagenet (ResNet50, VGG) or imagenet-torch (DenseNet)."
        ),
    ] = "unit",
    channels: Annotated[int | None, typer.Option(help="1 or 3; the model's own.")] = None,
    negative: Annotated[
        str | None,
        typer.Option(help="The class that means nothing found, if it is not called normal."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the bundle; the file's by default.")] = None,
    json: Json = False,
) -> None:
    """Turn a notebook's Keras model into a bundle."""
    from pneumoscope.cli import import_model as command

    command.run(
        command.Request(model, labels, out, size, scaling, channels, negative, name), as_json=json
    )


@app.command(epilog="Example: pneumoscope serve --port 8000 (then open http://127.0.0.1:8000/)")
def serve(
    host: Annotated[
        str | None,
        typer.Option(
            envvar="PNEUMOSCOPE_SERVE_HOST", help="Address to listen on. 127.0.0.1 by default."
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            envvar="PNEUMOSCOPE_SERVE_PORT",
            min=0,
            max=65535,
            help="TCP port; 0 for a free one. 8000 by default.",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            envvar="PNEUMOSCOPE_SERVE_FOLDER",
            metavar="DIR",
            help="Database and key; ~/.local/state/pneumoscope by default.",
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            envvar="PNEUMOSCOPE_SERVE_DATABASE",
            metavar="URL",
            help="Such as postgresql+psycopg://user:password@host/name; SQLite by default.",
        ),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(envvar="PNEUMOSCOPE_PROFILE", metavar="FILE", help="Site profile."),
    ] = None,
    keep_films: Annotated[
        bool | None,
        typer.Option("--keep-films", help="Keep films, encrypted, as long as their results."),
    ] = None,
    retention_days: Annotated[
        int | None, typer.Option(min=1, metavar="DAYS", help="Delete results after so many days.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate chain for TLS, PEM.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its private key, PEM, unencrypted.")
    ] = None,
    tls_self_signed: Annotated[
        bool | None,
        typer.Option(
            "--tls-self-signed", help="TLS with a certificate made here, for a closed network."
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Seals films and names: 32 bytes in base64; made in the folder by default.",
        ),
    ] = None,
    bundle: Bundle = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Batches at once; one more than cores by default.")
    ] = None,
    max_batch_size: Annotated[
        int | None, typer.Option(min=1, help="Films in one run of the network; 8 by default.")
    ] = None,
    max_wait_ms: Annotated[
        float | None, typer.Option(min=0, help="Wait of a film for company; 0 by default.")
    ] = None,
    queue: Annotated[
        int | None,
        typer.Option(min=1, help="Films accepted and not finished, then 429; 256 by default."),
    ] = None,
    rate_limit: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Requests a minute of one user, with accounts; 1200 by default, 0 for any number.",
        ),
    ] = None,
) -> None:
    """Serve the reading room: a web page and a REST API over the bundle.

    On this machine alone by default; for others only with TLS and accounts (`pneumoscope user add`). Every option can stand in the environment too, as
    PNEUMOSCOPE_SERVE_NAME; limits only there, see docs/how-to/serve.md.
    """
    from pneumoscope.cli import serve as command

    given = {
        "host": host, "port": port, "folder": folder, "database": database, "profile": profile,
        "keep_films": keep_films, "retention_days": retention_days, "key": key, "bundle": bundle,
        "threads": threads, "max_batch_size": max_batch_size, "max_wait_ms": max_wait_ms,
        "queue": queue, "rate_limit": rate_limit, "tls_cert": tls_cert, "tls_key": tls_key, "tls_self_signed": tls_self_signed,
    }  # fmt: skip
    command.run(given)


app.add_typer(accounts.user_app, name="user")
app.add_typer(accounts.token_app, name="token")
app.add_typer(accounts.patient_app, name="patient")
app.add_typer(accounts.audit_app, name="audit-log")
app.command("purge", epilog="Example: pneumoscope purge --older-than 30")(accounts.purge)
app.command("gradio", epilog="Example: pneumoscope gradio --port 7860")(apps.gradio)
app.command("streamlit", epilog="Example: pneumoscope streamlit --port 8501")(apps.streamlit)
