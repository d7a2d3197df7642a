"""Drives the page in Debian's Firefox, over WebDriver BiDi, which it speaks by itself."""

import asyncio
import itertools
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

# A microphone that hums, and no question whether the page may hear it.
PREFERENCES = {
    "media.navigator.permission.disabled": "true",
    "media.navigator.streams.fake": "true",
    "media.autoplay.default": "0",
    "browser.shell.checkDefaultBrowser": "false",
    "datareporting.policy.dataSubmissionEnabled": "false",
    "app.update.enabled": "false",
    "network.captive-portal-service.enabled": "false",
    "network.connectivity-service.enabled": "false",
    # What it would ask of its makers.
    "services.settings.server": '"data:,"',
    "app.normandy.enabled": "false",
}


def firefox() -> str | None:
    """Returns the Firefox of this machine, if there is one."""
    return shutil.which("firefox-esr") or shutil.which("firefox")


@dataclass
class Tab:
    """One page. Commands are answered by their number; events are not asked for."""

    socket: aiohttp.ClientWebSocketResponse
    context: str = ""
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def command(self, method: str, **parameters: Any) -> Any:  # noqa: ANN401  of BiDi
        """Returns the result of a command; fails with the browser's words."""
        number = next(self.numbers)
        await self.socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            answer = await self.socket.receive_json()
            if answer.get("id") == number:
                assert answer["type"] == "success", answer
                return answer["result"]

    async def goto(self, address: str) -> None:
        await self.command(
            "browsingContext.navigate", context=self.context, url=address, wait="complete"
        )

    async def evaluate(self, expression: str) -> Any:  # noqa: ANN401  of JavaScript
        """Returns a number, a string or a boolean."""
        result = await self.command(
            "script.evaluate",
            expression=expression,
            target={"context": self.context},
            awaitPromise=True,
            userActivation=True,
        )
        assert result["type"] == "success", result
        return result["result"].get("value")

    async def until(self, expression: str, seconds: float = 60.0) -> None:
        last = time.monotonic() + seconds
        while not await self.evaluate(f"!!({expression})"):
            if time.monotonic() > last:
                seen = await self.evaluate("document.body.innerText")
                raise AssertionError(f"{expression} did not come true; the page shows:\n{seen}")
            await asyncio.sleep(0.05)

    async def click(self, selector: str) -> None:
        """Clicks as a mouse does, in the middle of an element, as soon as there is one."""
        await self.until(f"document.querySelector({selector!r})")
        box = "((r) => [r.x + r.width / 2, r.y + r.height / 2].join())"
        found = await self.evaluate(
            f"{box}(document.querySelector({selector!r}).getBoundingClientRect())"
        )
        x, y = (round(float(part)) for part in found.split(","))
        moves = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        await self._act({"type": "pointer", "id": "mouse", "actions": moves})

    async def type(self, words: str) -> None:
        """Types into what has the focus, and Enter."""
        keys = [
            {"type": kind, "value": key}
            for key in [*words, "\ue007"]
            for kind in ("keyDown", "keyUp")
        ]
        await self._act({"type": "key", "id": "keyboard", "actions": keys})

    async def _act(self, source: dict[str, Any]) -> None:
        await self.command("input.performActions", context=self.context, actions=[source])


@asynccontextmanager
async def firefox_tab() -> AsyncIterator[Tab]:
    """Starts Firefox without a window; it takes any certificate."""
    binary = firefox()
    assert binary
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        lines = (f'user_pref("{name}", {value});' for name, value in PREFERENCES.items())
        Path(profile, "user.js").write_text("\n".join(lines))
        process = await asyncio.create_subprocess_exec(
            *(binary, "--headless", "--no-remote", "--profile", profile),
            *("--remote-debugging-port", "0", "about:blank"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr
        listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        reading = asyncio.create_task(_read(process.stderr, listening))
        try:
            async with asyncio.timeout(60):
                address = await listening
            async with (
                aiohttp.ClientSession() as http,
                http.ws_connect(f"{address}/session", max_msg_size=0) as socket,
            ):
                tab = Tab(socket)
                wanted = {"alwaysMatch": {"acceptInsecureCerts": True}}
                await tab.command("session.new", capabilities=wanted)
                tree = await tab.command("browsingContext.getTree")
                tab.context = tree["contexts"][0]["context"]
                yield tab
        finally:
            process.terminate()
            await process.wait()
            await reading


async def _read(stream: asyncio.StreamReader, listening: "asyncio.Future[str]") -> None:
    """Finds the address that Firefox prints, and reads on, so that it is never held up."""
    async for line in stream:
        found = re.search(r"WebDriver BiDi listening on (ws://\S+)", line.decode(errors="replace"))
        if found and not listening.done():
            listening.set_result(found[1])
    if not listening.done():
        listening.set_exception(AssertionError("Firefox ended by itself"))
