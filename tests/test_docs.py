"""The documentation names every route, setting, command and message, and nothing that is gone."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from appliance.api.routes import ROUTES
from appliance.cli.main import cli
from appliance.config.layers import DEFAULT_FILE
from appliance.wire import ServerMessage

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_route_is_documented() -> None:
    protocol = page("docs/protocol.md")
    undocumented = [
        f"{r.method} {r.path}" for r in ROUTES if f"`{r.method} {r.path}`" not in protocol
    ]
    assert undocumented == []


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_no_route_is_documented_that_does_not_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    documented = set(re.findall(r"`(GET|POST|DELETE|PUT|PATCH) (/[^`\s]*)`", text))
    assert documented - {(route.method, route.path) for route in ROUTES} == set()


def test_every_setting_is_documented() -> None:
    configuration = page("docs/configuration.md")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", configuration, re.MULTILINE))
    undocumented = [
        f"{section}.{key}"
        for section, keys in tomllib.loads(DEFAULT_FILE.read_text(encoding="utf-8")).items()
        for key in keys
        if f"`{key}`" not in rows.get(section, "")
    ]
    assert undocumented == []


def test_every_server_message_is_documented() -> None:
    protocol = page("docs/protocol.md")
    types = {message.type for message in ServerMessage.__subclasses__()}
    assert types
    assert {kind for kind in types if f"`{kind}`" not in protocol} == set()


def commands(group: click.Group, prefix: str = "") -> Iterator[str]:
    """The full name of every command below a group."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}"


def test_every_command_is_documented() -> None:
    """As `appliance plan`, or as one of the alternatives in `appliance models list|pull`."""
    documented = set()
    for line in re.findall(r"^appliance (.*)$", page("README.md"), re.MULTILINE):
        words = line.split()
        documented.add(words[0])
        if len(words) > 1:
            documented |= {f"{words[0]} {each}" for each in words[1].split("|")}
    assert [name for name in commands(cli) if name not in documented] == []


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    missing = [
        target
        for target in targets
        if "://" not in target and not (document.parent / target).exists()
    ]
    assert missing == []


def test_every_page_is_reached_from_the_readme() -> None:
    readme = page("README.md")
    assert [
        path.name for path in (ROOT / "docs").glob("*.md") if f"docs/{path.name}" not in readme
    ] == []


CODE_REFERENCE = re.compile(r"`((?:appliance|tests|web/src)/[\w/.-]+\.(?:py|ts))(?::([\w.]+))?`")


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_code_references_exist(document: Path) -> None:
    """`appliance/voice/session.py:Session.run` names a file and a definition in it."""
    wrong = []
    for file, name in CODE_REFERENCE.findall(document.read_text(encoding="utf-8")):
        if "NAME" in file:  # stands for a file that a change adds
            continue
        if not (ROOT / file).is_file():
            wrong.append(file)
            continue
        source = (ROOT / file).read_text(encoding="utf-8")
        # Every part of Class.method is defined in the file.
        wrong += [
            f"{file}:{part}"
            for part in filter(None, name.split("."))
            if not re.search(
                rf"^\s*(?:async def|def|class)\s+{part}\b|^{part}\b\s*[:=]", source, re.MULTILINE
            )
        ]
    assert wrong == []


def test_the_way_through_a_turn_names_its_functions() -> None:
    """The architecture page draws one turn by file and function."""
    assert len(CODE_REFERENCE.findall(page("docs/architecture.md"))) >= 15
