"""``pneumoscope export``: a bundle in another format, or as a page that needs no server."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from pneumoscope.cli.completion import bundle_names
from pneumoscope.cli.one_bundle import bundle_or_first
from pneumoscope.cli.options import Bundle, Json, Profile
from pneumoscope.cli.terminal import note, print_json
from pneumoscope.cli.train.options import prepare_conversion
from pneumoscope.decision.reader_settings import BUNDLE

if TYPE_CHECKING:
    from pneumoscope.train.formats.convert import Exported
    from pneumoscope.web.page import ExportedPage

MODEL, WEB = "model", "web"


class _ModelByDefault(typer.core.TyperGroup):
    """A group that is also the command `MODEL`: ``pneumoscope export NAME`` exports that bundle's model."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Names the command that was left out; the types are click's, of which Typer has a copy."""
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = [MODEL, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ModelByDefault,
    help="Write a bundle in another format (model, which may be left out), or as a page that judges "
    "films in the browser (web).",
)

# What named the bundle before there was the option of the other commands.
BundleArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar=f"[{BUNDLE.metavar}]", help="The same as --bundle.", autocompletion=bundle_names
    ),
]
Format = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Format: keras, savedmodel, onnx, litert, litert-int8, litert-bundle or openvino.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="File to write; a folder for savedmodel and openvino."),
]
Films = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Films for the comparison, at most 500; synthetic ones by default. litert-int8 "
        "also calibrates on them.",
    ),
]

Page = Annotated[
    Path,
    typer.Argument(
        metavar="DIR", help="Folder to write; the page of an earlier export is replaced."
    ),
]
PageBundles = Annotated[
    list[Path] | None,
    typer.Option(
        "--bundle",
        metavar="NAME|DIR",
        help="Bundle that judges films; repeatable. The shipped ones by default.",
    ),
]
Runtime = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR|FILE",
        help="Folder or archive with the packages of npm that the page needs, as `npm pack` writes them. "
        "npm downloads the packages that are not in it.",
    ),
]


@app.command(
    MODEL, epilog="Example: pneumoscope export model --format litert --films chest_xray/train"
)
def export(
    bundle_argument: BundleArgument = None,
    bundle: Bundle = None,
    format: Format = "onnx",  # noqa: A002 (the option's name)
    out: Out = None,
    films: Films = None,
    json: Json = False,
) -> None:
    """Write a bundle in another format and compare it with ONNX Runtime."""
    if bundle_argument is not None and bundle is not None:
        raise typer.BadParameter("one bundle is exported: name it with --bundle, or without it")
    prepare_conversion("export")
    from pneumoscope.bundle import open_bundle
    from pneumoscope.train.quiet import no_chatter

    opened = open_bundle(bundle_or_first(bundle or bundle_argument))
    with no_chatter():
        from pneumoscope.train.formats import convert

    done = convert.export(opened, format, out, films, note)
    if json:
        print_json(asdict(done) | {"path": str(done.path), "bundle_sha256": opened.sha256})
    else:
        sys.stdout.write(_text(done))


def _text(done: Exported) -> str:
    p = done.parity
    films = f"{p.films} {'drawn films' if p.drawn else 'films'}"
    auc = (
        f"AUC       {p.auc:.4f}, ONNX Runtime {p.auc_onnx:.4f}\n"
        if p.auc is not None and p.auc_onnx is not None
        else ""
    )
    return (
        f"format    {done.format}\n"
        f"path      {done.path}\n"
        f"size      {done.megabytes:.2f} MB\n"
        f"latency   {done.latency_ms:.2f} ms a film in one thread, "
        f"ONNX Runtime {done.onnx_latency_ms:.2f} ms\n"
        f"parity    on {films}: |dp| at most {p.max_dp:.1e}, on average {p.mean_dp:.1e}; "
        f"{p.verdicts_changed} verdicts changed\n{auc}"
    )


@app.command(WEB, epilog="Example: pneumoscope export web page")
def export_web(
    folder: Page,
    bundle: PageBundles = None,
    profile: Profile = None,
    runtime: Runtime = None,
    json: Json = False,
) -> None:
    """Write a page that judges films in the browser, without a server.

    Any web server can serve the folder, such as that of Python. Films do not
    leave the device. Once loaded, the page works without a network, and can
    be installed as an app.
    """
    from pneumoscope.web.page import export_page

    page = export_page(folder, bundle or [], runtime, note, profile)
    for package in page.missing:
        sys.stderr.write(
            f"left out: what {package.purpose}; {package.title} could not be obtained\n"
        )
    if json:
        print_json(
            {
                "path": str(page.path),
                "files": page.files,
                "megabytes": round(page.size_bytes / 1e6, 2),
                "bundles": list(page.bundles),
                "missing": [package.title for package in page.missing],
            }
        )
    else:
        sys.stdout.write(_page_text(page))


def _page_text(page: ExportedPage) -> str:
    return (
        f"page      {page.path}\n"
        f"size      {page.size_bytes / 1e6:.1f} MB in {page.files} files\n"
        f"bundles   {', '.join(page.bundles)}\n"
        f"serve it  python -m http.server --bind 127.0.0.1 --directory {page.path} 8002\n"
        "open it   http://127.0.0.1:8002/\n"
    )
