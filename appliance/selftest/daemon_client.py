"""The running appliance, as the machine itself may ask it: over its control socket.

What it is asked there, and nowhere else:

    GET /status                plan, engines, gauges, store
    POST /hear, /say           its own engines, tried once, inside its own sandbox
    POST /ask                  its own language model, with the key that it alone has
    POST /knock                the Realtime server, likewise
    POST, DELETE /visitor      to let the self-test in as a client, and to forget it
    GET /conversations/{id}    what was written down of what it said
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.config.loader import Config
from appliance.engines.probe import SynthesisProbe, TranscriptionProbe
from appliance.errors import ApplianceError, NotReady, SessionLimit
from appliance.llm.probe import ProbeOutcome, ProbeResult

STATUS_SECONDS = 5.0
TRIAL_SECONDS = 120.0  # others may be talking, and their turns go first
GONE = (
    "Is it still running? `systemctl status voice-appliance` tells, and"
    " `journalctl -u voice-appliance` why it ended."
)

# Refusals that a check tells apart from the others.
_KNOWN: Mapping[str, type[ApplianceError]] = {
    error.code: error for error in (NotReady, SessionLimit)
}


@dataclass(frozen=True, slots=True)
class Guest:
    """The self-test as a client. The ids of its conversations must begin with `prefix`."""

    token: str = field(repr=False)
    prefix: str


@dataclass(frozen=True, slots=True)
class DaemonClient:
    """A running appliance. `base_url` and `socket` are its own door, past nginx.

    They are what it says itself: where it listens need not stand in the configuration of now.
    """

    control: Path
    base_url: str
    socket: str

    @classmethod
    async def find(cls, config: Config) -> "DaemonClient | None":
        """The appliance of this configuration; None where its control socket does not answer."""
        server = config.server
        found = cls(control_socket(config), *_door(server.listen or f"{server.host}:{server.port}"))
        try:
            told = await found.status()
        except ApplianceError:
            return None
        address = told.get("address")  # which an appliance before this one does not tell
        return cls(found.control, *_door(address)) if address else found

    async def status(self) -> dict[str, Any]:
        """What GET /api/status tells a client. Raises ApplianceError where nobody answers."""
        return await self._ask("GET", "/status", seconds=STATUS_SECONDS)

    async def hear(self, pcm: bytes) -> TranscriptionProbe:
        """Lets the engine that answers now transcribe a recording."""
        answer = await self._ask("POST", "/hear", data=pcm)
        return TranscriptionProbe(
            answer["engine"], answer["text"], answer["seconds"], answer["share"]
        )

    async def say(self, text: str) -> SynthesisProbe:
        """Lets the engine that answers now speak a text."""
        answer = await self._ask("POST", "/say", json={"text": text})
        pcm = base64.b64decode(answer["pcm"])
        return SynthesisProbe(
            answer["engine"], pcm, answer["seconds"], answer["share"] or float("inf")
        )

    async def ask(self) -> ProbeResult:
        """Lets it ask its language model for one word."""
        return _asked(await self._ask("POST", "/ask"))

    async def knock(self) -> ProbeResult:
        """Lets it open a session of the Realtime route, and close it."""
        return _asked(await self._ask("POST", "/knock"))

    async def enter(self) -> "Guest":
        """Lets the self-test in as a client of its own."""
        told = await self._ask("POST", "/visitor", seconds=STATUS_SECONDS)
        return Guest(told["token"], told["prefix"])

    async def leave(self) -> None:
        """Ends what is open of the self-test, and forgets its client and its conversations."""
        await self._ask("DELETE", "/visitor")

    async def events(self, conversation_id: str) -> list[dict[str, Any]]:
        """What was written down of a conversation so far."""
        told = await self._ask("GET", f"/conversations/{conversation_id}", seconds=STATUS_SECONDS)
        return list(told["events"])

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        seconds: float = TRIAL_SECONDS,
        data: bytes | None = None,
        json: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        import aiohttp

        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.UnixConnector(str(self.control)),
                    timeout=aiohttp.ClientTimeout(total=seconds),
                ) as http,
                http.request(method, f"http://localhost{path}", data=data, json=json) as answer,
            ):
                told: dict[str, Any] = await answer.json() if answer.status != 204 else {}
        except TimeoutError:
            raise ApplianceError(
                f"the appliance did not answer {path} within {seconds:g} s", advice=GONE
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ApplianceError(f"the appliance does not answer: {error}", advice=GONE) from None
        if answer.status >= 400:
            fault: Mapping[str, Any] = told.get("error", {})
            kind = _KNOWN.get(str(fault.get("code")), ApplianceError)
            raise kind(str(fault.get("message")), advice=str(fault.get("advice")))
        return told


def _door(address: str) -> tuple[str, str]:
    """URL and Unix socket of `unix:/path`, `http://host:port` or `host:port`."""
    if address.startswith("unix:"):
        return "http://localhost", address.removeprefix("unix:")
    host, _, port = address.removeprefix("http://").rpartition(":")
    host = host.strip("[]")
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}", ""


def _asked(told: Mapping[str, Any]) -> ProbeResult:
    return ProbeResult(**{**told, "outcome": ProbeOutcome(told["outcome"])})


def control_socket(config: Config) -> Path:
    """Where the daemon of this configuration lets the machine itself in."""
    return config.store.path.parent / "control.sock"
