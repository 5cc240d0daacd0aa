"""The files for a container of the server."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
import typer

for module in ("fastapi", "sqlalchemy", "cryptography", "yaml"):
    pytest.importorskip(module, reason="needs the extras [serve] and [docs]")

import yaml

from pneumoscope.cli.app import app
from pneumoscope.errors import UnsafeAddress
from pneumoscope.serve.security import tls
from pneumoscope.serve.settings import PREFIX, ServeSettings, from_env

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"


FILES = ("Containerfile", "Containerfile.pacs")


def instructions(file: str = FILES[0]) -> list[tuple[str, str]]:
    """The instructions of a Containerfile, with continued lines joined."""
    lines = (DEPLOY / file).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    code = [line for line in lines if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in code)]


def variables(text: str) -> set[str]:
    return set(re.findall(r"PNEUMOSCOPE_SERVE_[A-Z_]+", text))


def known_variables() -> set[str]:
    return {PREFIX + setting.name.upper() for setting in fields(ServeSettings)}


@pytest.mark.parametrize("file", FILES)
def test_what_the_container_copies_is_there_and_in_its_context(file: str) -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"
    copied = [rest.split()[:-1] for word, rest in instructions(file) if word == "COPY"]
    sources = [name for names in copied if not names[0].startswith("--from=") for name in names]
    assert "src" in sources
    assert all((ROOT / name).exists() for name in sources)
    assert {f"!{name}" for name in sources} <= set(ignored)
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = needed["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert set(included) <= set(sources)  # or the wheel cannot be built
    assert needed["project"]["readme"] in sources
    stages = {rest.split()[-1] for word, rest in instructions(file) if word == "FROM"}
    assert all(names[0].removeprefix("--from=") in stages for names in copied if "--" in names[0])


@pytest.mark.parametrize("file", FILES)
def test_the_container_is_not_root_and_starts_a_command(file: str) -> None:
    last = dict(instructions(file))  # the last of each kind counts
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", last["USER"])
    order = [word for word, _ in instructions(file)]
    assert order.index("USER") < order.index("ENTRYPOINT")
    assert "RUN" not in order[order.index("USER") :]
    assert not {"ADD", "ARG"} & set(order)
    for word, rest in instructions(file):
        if word == "FROM":
            image = rest.split()[0]
            assert re.fullmatch(r"[a-z]+:\d[\w.-]+", image), "a version, and no address"
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "scripts"
    ]
    assert json.loads(last["ENTRYPOINT"])[0] in scripts
    command = typer.main.get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    assert json.loads(last["CMD"])[0] in command.commands
    assert variables(last["ENV"]) <= known_variables()
    assert "SECRET" not in last["ENV"]
    extras = re.findall(r"'\.\[([\w,]+)\]'", " ".join(rest for _, rest in instructions(file)))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras) <= project["optional-dependencies"].keys()


def test_compose_leaves_only_the_volume_writable() -> None:
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    (service,) = composed["services"].values()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["user"] == dict(instructions())["USER"]
    assert service["volumes"] == ["data:/data"]
    assert all("noexec" in each and each.startswith("/tmp:") for each in service["tmpfs"])
    assert not {"privileged", "network_mode", "pid", "devices", "cap_add"} & set(service)
    assert (DEPLOY / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).is_file()
    assert set(service["environment"]) <= known_variables()
    secrets = {f"/run/secrets/{name}" for name in service["secrets"]}
    assert secrets == set(service["environment"].values())
    assert set(service["secrets"]) == set(composed["secrets"])


def test_settings_of_the_container_need_tls() -> None:
    """Others reach it, so without a certificate it must not start."""
    environment = dict(
        part.split("=") for part in dict(instructions())["ENV"].split() if "SERVE" in part
    )
    settings = from_env(environment)
    assert settings.folder == Path("/data")
    with pytest.raises(UnsafeAddress):
        tls.check_address(settings, accounts=True)


def test_the_container_of_the_node_leaves_only_the_volume_writable() -> None:
    composed = yaml.safe_load((DEPLOY / "compose-pacs.yaml").read_text(encoding="utf-8"))
    server = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    (service,), (other,) = composed["services"].values(), server["services"].values()
    for key in ("read_only", "cap_drop", "security_opt", "user", "tmpfs", "stop_grace_period"):
        assert service[key] == other[key]
    assert service["user"] == dict(instructions(FILES[1]))["USER"]
    assert not {"privileged", "network_mode", "pid", "devices", "cap_add"} & set(service)
    writable = [volume for volume in service["volumes"] if not volume.endswith(":ro")]
    assert writable == ["data:/data"]
    assert (DEPLOY / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).is_file()
    config = json.loads(dict(instructions(FILES[1]))["CMD"])[-1]
    assert any(f":{config}:" in volume for volume in service["volumes"])
    assert set(service["secrets"]) == set(composed["secrets"])


def test_the_configuration_for_the_container_of_the_node_is_valid() -> None:
    """That of the how-to: it fits to what the recipes expose, mount and ask."""
    pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")
    from pneumoscope.pacs.config import parse_config

    page = (ROOT / "docs" / "how-to" / "pacs-node.md").read_text(encoding="utf-8")
    section = page.partition("## In a container")[2]
    (text,) = re.findall(r"```toml\n(.*?)```", section, re.S)
    settings = parse_config(text, "node.toml")
    last = dict(instructions(FILES[1]))
    assert settings.folder == Path(last["VOLUME"])
    assert settings.receiver.port == int(last["EXPOSE"])
    assert settings.receiver.host == "0.0.0.0"
    assert str(settings.key_file) == "/run/secrets/key"
    assert f":{settings.metrics_port}/status.json" in last["HEALTHCHECK"]
