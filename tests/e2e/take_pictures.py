"""Photographs each page of a furnished house: `python -m tests.e2e.take_pictures DIRECTORY [PAGE]`.

A real daemon behind nginx, a scripted language model and agent, and Chromium at the sizes of a
desktop and a phone, in light and in dark. Those in docs/page are made from these.
"""

import asyncio
import itertools
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.agents.conftest import FAKE_CLAUDE
from tests.chat_server import chat_server
from tests.daemon import Daemon, running
from tests.e2e.browser import PHONE, Visit, browser_for, visiting
from tests.e2e.browser_appliance import Place
from tests.install.conftest import serving
from tests.install.shell import CERTIFICATE, INSTALL, ROOT, free_ports, succeed

SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": dict(PHONE)}
WALL = {"landscape": {"width": 844, "height": 390}, "desktop": SIZES["desktop"]}
PAGES = ("talk", "conversations", "tasks", "settings", "models", "devices", "status")

RECIPE = """Boil the pasta for **nine minutes** in salted water.

1. Fry the garlic in oil, gently.
2. Add the chilli and a ladle of the water.
3. Toss, and serve at once."""

TABLE = """The three largest oceans:

| ocean | million km² |
| --- | --- |
| Pacific | 168 |
| Atlantic | 85 |
| Indian | 71 |"""


def answer(messages: list[dict[str, Any]]) -> str:
    """Returns what the scripted language model says."""
    asked = str(messages[-1]["content"])
    if "ocean" in asked:
        return TABLE
    return RECIPE if "spaghetti" in asked else "Of course. What shall it be?"


async def furnish(visit: Visit, directory: Path) -> None:
    """Has things said and done, so that no page is empty; photographs an answer half heard."""
    await visit.connect()
    for said, heard in (
        ("what are the largest oceans", "Indian"),
        ("tell claude to count the eggs in the hen house", "Claude Code is done"),
        ("set an egg timer for seven minutes", "set for"),
    ):
        await visit.type(said)
        await visit.until_shown("#log .assistant", heard, 60)
        await visit.until_state("listening", 60)
    await visit.type("how do i make spaghetti aglio e olio")
    await visit.until_shown("#log .assistant", "the chilli", 60)
    await visit.page.screenshot(path=directory / "speaking.png")
    await visit.until_shown("#log .assistant", "serve at once", 60)
    await visit.until_state("listening", 60)


async def photograph(visit: Visit, directory: Path, names: list[str]) -> None:
    """Takes the pictures of the pages named; the others are left out."""
    origin = await visit.page.evaluate("location.origin")
    for name in names:
        if name != "talk":
            await visit.page.goto(f"{origin}/{name}")
        await visit.until_loaded()
        sizes = WALL if name.startswith("wall") else SIZES
        for (kind, size), scheme in itertools.product(sizes.items(), ("light", "dark")):
            await visit.page.set_viewport_size(size)  # type: ignore[arg-type]
            await visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            # Charts and virtual rows draw themselves anew in the frames that follow.
            await visit.page.wait_for_timeout(300)
            name_of_file = f"{name.replace('/', '-')}-{kind}-{scheme}.png"
            await visit.page.screenshot(path=directory / name_of_file)


def build() -> Path:
    """Builds the page where its sources changed."""
    subprocess.run(["bash", "-c", 'source "$1"; ensure_page', "pictures", str(INSTALL)], check=True)
    return ROOT / "web" / "dist"


async def paired_address(daemon: Daemon, origin: str) -> str:
    """Returns the page's address with a pairing code."""
    said = daemon.command_line("pair", "--role", "admin").stdout
    digits = "".join(part for part in said.split() if part.isdigit() and len(part) == 4)[:8]
    assert digits, said
    return f"{origin}/#pair={digits}"


async def take(directory: Path, names: list[str]) -> None:
    """Takes the pictures."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(Path(scratch), 0, 0, *free_ports(1))
        succeed(CERTIFICATE, place.certificates, "--host", "kitchen", "--address", "192.168.1.20")
        (place.directory / "project").mkdir()
        settings = {
            "APPLIANCE__SERVER__PORT": str(place.port),
            "APPLIANCE__ACCESS__MODE": "paired",
            "APPLIANCE__AGENTS__CLAUDE__ENABLED": "true",
            "APPLIANCE__AGENTS__CLAUDE__COMMAND": str(FAKE_CLAUDE),
            "APPLIANCE__AGENTS__CLAUDE__DIRECTORY": str(place.directory / "project"),
            "APPLIANCE__LLM__PROVIDER": "custom",
        }
        page = str(build())
        with serving(place.certificates, PAGE=page, UPSTREAM=f"127.0.0.1:{place.port}") as site:
            async with (
                chat_server(answer, tokens_per_second=100.0) as chat,
                running(
                    place.directory / "state",
                    {**settings, "APPLIANCE__LLM__BASE_URL": chat.base_url},
                    seconds=150.0,
                ) as daemon,
                browser_for(place) as browser,
                visiting(browser, await paired_address(daemon, site.https)) as visit,
            ):
                await visit.until_state("idle")
                if "talk" in names:
                    await photograph(visit, directory, ["talk"])
                    for picture in directory.glob("talk-*.png"):
                        picture.rename(directory / picture.name.replace("talk", "start"))
                    await visit.page.set_viewport_size(SIZES["desktop"])  # type: ignore[arg-type]
                    await visit.page.emulate_media(color_scheme="light", reduced_motion="null")
                await furnish(visit, directory)
                link = f"conversations/{await visit.conversation_id()}"
                await photograph(visit, directory, [link if n == "one" else n for n in names])


def main() -> None:
    """Takes the pictures that the command line asks for."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(directory, sys.argv[2:] or [*PAGES, "one", "wall", "design"]))


if __name__ == "__main__":
    main()
