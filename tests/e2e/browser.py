"""Drives the page in real Chromium, with a file as its microphone.

Every visit fails when the page requested anything from another host than the appliance, when the
content security policy refused something, or when a script failed.
"""

import asyncio
import base64
import hashlib
import os
import shutil
import time
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from tests.daemon import Daemon
from tests.e2e.browser_appliance import Place
from tests.install.conftest import Site
from tests.install.shell import succeed

PROBE = Path(__file__).with_name("browser_probe.js")
DESKTOP = ViewportSize(width=1200, height=800)
PHONE = ViewportSize(width=390, height=844)
RATE = 16_000
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)


def write_microphone(path: Path, says: Sequence[tuple[float, bytes]], seconds: float) -> Path:
    """Writes a WAV in which each piece of 16 kHz PCM begins at its second; the rest is silent."""
    sound = bytearray()
    for second, pcm in says:
        gap = int(second * RATE) * 2 - len(sound)
        assert gap >= 0, f"the speech before {second} s is too long"
        sound += bytes(gap) + pcm
    sound += bytes(max(0, int(seconds * RATE) * 2 - len(sound)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(sound))
    return path


@dataclass
class Visit:
    """One page, with the hosts it asked and the errors of its scripts."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    async def until(self, expression: str, seconds: float = 30.0, *, every: float = 0.03) -> None:
        """Polls a JavaScript expression from outside, because the page's policy forbids eval."""
        last = time.monotonic() + seconds
        while not await self.page.evaluate(expression):
            if time.monotonic() > last:
                seen = await self.page.inner_text("body")
                raise AssertionError(f"{expression} did not come true; the page shows:\n{seen}")
            await asyncio.sleep(every)

    async def until_state(self, state: str, seconds: float = 30.0) -> None:
        await self.until(f"document.body.dataset.state === '{state}'", seconds)

    async def until_shown(self, selector: str, words: str, seconds: float = 30.0) -> None:
        """Waits until one element that matches the selector is visible and has the words."""
        shown = (
            f"[...document.querySelectorAll({selector!r})]"
            f".some(e => e.checkVisibility() && e.innerText.includes({words!r}))"
        )
        await self.until(shown, seconds)

    async def until_loaded(self) -> None:
        """Waits until the page has its heading and loads nothing (that of the design spins)."""
        loading = "document.querySelector('.spinner') && location.pathname !== '/design'"
        await self.until(f"document.querySelector('h1') && !({loading})")

    async def connect(self) -> None:
        await self.page.click("#connect")
        await self.until_state("listening")

    async def type(self, words: str) -> None:
        await self.page.fill("#message", words)
        await self.page.press("#message", "Enter")

    async def conversation_id(self) -> str:
        return str(await self.page.evaluate("window.__appliance.conversationId"))

    async def log(self) -> list[tuple[str, str]]:
        """Returns the speaker and the words of each entry that the page shows."""
        rows: list[list[str]] = await self.page.evaluate(
            "[...document.querySelectorAll('#log .entry')]"
            ".map(e => [e.querySelector('.who').innerText, e.querySelector('.main').innerText])"
        )
        return [(who, words) for who, words in rows]

    async def events(self) -> list[dict[str, Any]]:
        """Returns the events that the page recorded: `at` in ms, `type`, `detail`."""
        noted: list[dict[str, Any]] = await self.page.evaluate("window.__appliance.events")
        return noted

    async def probe(self) -> dict[str, Any]:
        """Returns the recordings of the probe; samples are (ms, microphone, assistant)."""
        seen: dict[str, Any] = await self.page.evaluate("window.__probe")
        return seen


@dataclass
class House:
    """A daemon with open access behind nginx, and a browser. `page` is what nginx serves."""

    site: Site
    daemon: Daemon
    browser: Browser
    page: Path


def _follow(visit: Visit) -> None:
    page = visit.page

    def saw(address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("blob", "data"):
            visit.hosts.add(parts.hostname or address)

    page.context.on("request", lambda request: saw(request.url))
    page.on("websocket", lambda socket: saw(socket.url))
    page.on("pageerror", lambda error: visit.complaints.append(f"script: {error}"))


async def _check(visit: Visit) -> None:
    refused = (await visit.probe())["refused"]
    assert not refused, f"the policy refused {refused}"
    assert not visit.complaints, visit.complaints
    assert visit.hosts == {"localhost"}


def _spki(certificate: Path) -> str:
    """Returns the key's hash, by which Chromium accepts this one self-signed certificate."""
    pem = succeed("openssl", "x509", "-in", certificate, "-pubkey", "-noout")
    key = base64.b64decode("".join(pem.splitlines()[1:-1]))
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


def chromium() -> str | None:
    """Returns $CHROMIUM or one on the path; None makes Playwright use its own."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@asynccontextmanager
async def browser_for(
    place: Place, microphone: Path | None = None, *, trusting: bool = True
) -> AsyncIterator[Browser]:
    """Starts Chromium, whose microphone plays the file once from the moment it is opened.

    Unless `trusting`, it does not trust the appliance's certificate.
    """
    flags = [*FLAGS]
    if trusting:
        trusted = _spki(place.certificates / "server.crt")
        flags.append(f"--ignore-certificate-errors-spki-list={trusted}")
    if microphone:
        flags.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=flags)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visiting(
    browser: Browser, address: str, *, microphone_allowed: bool = True
) -> AsyncIterator[Visit]:
    """Opens an address with cookies and permissions of its own, and checks the visit at its end."""
    permissions = ["microphone"] if microphone_allowed else []
    context = await browser.new_context(viewport=DESKTOP, permissions=permissions)
    try:
        await context.add_init_script(path=PROBE)
        visit = Visit(await context.new_page())
        _follow(visit)
        await visit.page.goto(address)
        yield visit
        await _check(visit)
    finally:
        await context.close()
