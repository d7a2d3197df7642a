"""The page of docs/client.md: Pipecat's published client on another origin, in Chromium."""

import os
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import Browser, Dialog

from tests.daemon import Daemon, running, speech
from tests.e2e.browser import Visit, browser_for, write_microphone
from tests.e2e.browser_appliance import Place
from tests.install.conftest import serving
from tests.install.shell import CERTIFICATE, ROOT, free_ports, succeed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

HTML = """<!doctype html><title>elsewhere</title>
<button>Talk</button><button id="pair">Pair</button>
<script type="module" src="main.js"></script>"""


def write_page(directory: Path, appliance: str) -> Path:
    """Builds the documented page with Vite, as its reader would; returns its directory."""
    talk, pair = re.findall(
        r"^ *```js\n(.*?)^ *```$",
        (ROOT / "docs" / "client.md").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert len([line for line in talk.splitlines() if line]) <= 25
    script = (
        talk.replace("https://voice.local", appliance)
        + f"document.querySelector('#pair').onclick = async () => {{\n{pair}\n"
        + "document.body.dataset.paired = 'yes'; };\nwindow.client = client;\n"
    )
    directory.mkdir()
    (directory / "node_modules").symlink_to(ROOT / "web" / "node_modules")
    (directory / "index.html").write_text(HTML, encoding="utf-8")
    (directory / "main.js").write_text(script, encoding="utf-8")
    vite = directory / "node_modules" / "vite" / "bin" / "vite.js"
    built = subprocess.run(
        ["node", str(vite), "build", str(directory)], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return directory / "dist"


@asynccontextmanager
async def served(directory: Path, *ports: int) -> AsyncIterator[None]:
    """Serves a directory on ports of this machine."""

    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(directory / "index.html")

    app = web.Application()
    app.router.add_get("/", index)
    app.router.add_static("/", directory)
    runner = web.AppRunner(app)
    await runner.setup()
    for port in ports:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def new_code(daemon: Daemon) -> str:
    control = aiohttp.UnixConnector(str(daemon.state / "control.sock"))
    async with (
        aiohttp.ClientSession(connector=control) as http,
        http.post("http://appliance/pair", json={"role": "guest"}) as made,
    ):
        return str((await made.json())["code"])


async def pair(visit: Visit, code: str) -> None:
    async def enter(dialog: Dialog) -> None:
        await dialog.accept(code)

    visit.page.on("dialog", enter)
    await visit.page.click("#pair")
    await visit.until("document.body.dataset.paired === 'yes'")


@asynccontextmanager
async def elsewhere(browser: Browser, address: str) -> AsyncIterator[Visit]:
    """Opens a page that is not the appliance's; checks that its scripts failed nowhere."""
    context = await browser.new_context(permissions=["microphone"])
    try:
        visit = Visit(await context.new_page())
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        await visit.page.goto(address)
        yield visit
        assert not visit.complaints
    finally:
        await context.close()


async def test_the_published_client_talks_from_another_origin(tmp_path: Path) -> None:
    own, other = free_ports(2)
    origin = f"http://localhost:{own}"
    tls = tmp_path / "run" / "tls"
    succeed(CERTIFICATE, tls, "--host", "kitchen", "--address", "192.168.1.20")
    microphone = write_microphone(tmp_path / "mic.wav", [(3.0, speech("what_time_is_it"))], 30.0)
    async with AsyncExitStack() as stack:
        site = stack.enter_context(serving(tls, ORIGINS=origin))
        settings = {
            "APPLIANCE__ACCESS__MODE": "paired",
            "APPLIANCE__ACCESS__ORIGINS": f'["{origin}"]',
            "APPLIANCE__SERVER__PORT": str(site.upstream),
        }
        daemon = await stack.enter_async_context(running(tmp_path / "state", settings))
        page = write_page(tmp_path / "page", site.https)
        await stack.enter_async_context(served(page, own, other))
        place = Place(tmp_path, 0, 0, site.upstream)
        browser = await stack.enter_async_context(browser_for(place, microphone))
        async with elsewhere(browser, origin) as visit:
            await pair(visit, await new_code(daemon))
            await visit.page.reload()
            await visit.page.click("button")
            await visit.until_shown("body", "you: what time is it", 60.0)
            await visit.until_shown("body", "appliance: It is", 60.0)
            await visit.page.evaluate(
                "client.sendText('what day is it', { run_immediately: true, audio_response: true })"
            )
            await visit.until_shown("body", "Today is", 60.0)
            if picture := os.environ.get("APPLIANCE_SCREENSHOT"):
                await visit.page.screenshot(path=picture)
            await visit.page.evaluate("client.disconnect()")
        # A page that nobody has listed cannot even read that there is an appliance.
        async with elsewhere(browser, f"http://localhost:{other}") as visit:
            read = f"fetch('{site.https}/api/ping').then(() => 'read', error => error.name)"
            assert await visit.page.evaluate(read) == "TypeError"
