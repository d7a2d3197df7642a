"""Client of the running daemon's control socket, for the self-test.

GET /status                plan, engines, gauges, store
POST /hear, /say           one transcription or synthesis by the daemon's own engines
POST /ask                  one token of the language model, with the daemon's own key
POST /knock                one handshake with the Realtime server, with the daemon's own key
POST, DELETE /visitor      registers the self-test as a client, and removes it again
GET /conversations/{id}    the recorded events of a conversation
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
PROBE_SECONDS = 120.0  # the turns of sessions under way go before a probe
DAEMON_GONE_ADVICE = (
    "Is it still running? `systemctl status voice-appliance` tells, and"
    " `journalctl -u voice-appliance` why it ended."
)

_MODEL_FIGURES = ("device", "tokens_per_second", "warm_first_token_seconds", "planned_bytes")

# Errors that checks distinguish from others.
_ERRORS: Mapping[str, type[ApplianceError]] = {
    error.code: error for error in (NotReady, SessionLimit)
}


@dataclass(frozen=True, slots=True)
class TemporaryClient:
    """The self-test as a client. The ids of its conversations must begin with `prefix`."""

    token: str = field(repr=False)
    prefix: str


@dataclass(frozen=True, slots=True)
class DaemonClient:
    """A running daemon, by its control socket and by its own public address without nginx.

    `base_url` and `socket` are what the daemon reports of itself, since its configuration may
    have changed on disk after it started. `socket` is empty where it listens on TCP.
    """

    control: Path
    base_url: str
    socket: str

    @classmethod
    async def find(cls, config: Config) -> "DaemonClient | None":
        """The daemon of this configuration; None where its control socket does not answer."""
        server = config.server
        configured = server.listen or f"{server.host}:{server.port}"
        client = cls(control_socket(config), *_parse_address(configured))
        try:
            status = await client.status()
        except ApplianceError:
            return None
        address = status.get("address")  # absent in the status of older versions
        return cls(client.control, *_parse_address(address)) if address else client

    async def status(self) -> dict[str, Any]:
        """The body of GET /api/status. Raises ApplianceError where the daemon does not answer."""
        return await self._request("GET", "/status", seconds=STATUS_SECONDS)

    async def transcribe(self, pcm: bytes) -> TranscriptionProbe:
        """Transcribes 16 kHz mono PCM with the daemon's active STT engine."""
        body = await self._request("POST", "/hear", data=pcm)
        return TranscriptionProbe(body["engine"], body["text"], body["seconds"], body["share"])

    async def synthesize(self, text: str) -> SynthesisProbe:
        """Synthesizes a text with the daemon's active TTS engine."""
        body = await self._request("POST", "/say", json={"text": text})
        pcm = base64.b64decode(body["pcm"])
        return SynthesisProbe(body["engine"], pcm, body["seconds"], body["share"] or float("inf"))

    async def probe_llm(self) -> ProbeResult:
        """Asks the daemon's language model for one token."""
        return _probe_result(await self._request("POST", "/ask"))

    async def managed_model(self) -> dict[str, Any]:
        """Figures of the language model that the daemon runs itself; none where it runs none."""
        model = (await self.status()).get("language_model", {})
        if model.get("state") != "ready":
            return {}
        return {key: model.get(key) for key in _MODEL_FIGURES}

    async def probe_realtime(self) -> ProbeResult:
        """Opens a session of the Realtime route and closes it again."""
        return _probe_result(await self._request("POST", "/knock"))

    async def register_client(self) -> TemporaryClient:
        """Registers the self-test as a client that may talk and nothing else."""
        body = await self._request("POST", "/visitor", seconds=STATUS_SECONDS)
        return TemporaryClient(body["token"], body["prefix"])

    async def remove_client(self) -> None:
        """Ends the self-test's sessions and deletes its clients and conversations."""
        await self._request("DELETE", "/visitor")

    async def events(self, conversation_id: str) -> list[dict[str, Any]]:
        """The events that are recorded of a conversation so far."""
        body = await self._request(
            "GET", f"/conversations/{conversation_id}", seconds=STATUS_SECONDS
        )
        return list(body["events"])

    async def _request(
        self,
        method: str,
        path: str,
        *,
        seconds: float = PROBE_SECONDS,
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
                http.request(method, f"http://localhost{path}", data=data, json=json) as response,
            ):
                body: dict[str, Any] = await response.json() if response.status != 204 else {}
        except TimeoutError:
            raise ApplianceError(
                f"the appliance did not answer {path} within {seconds:g} s",
                advice=DAEMON_GONE_ADVICE,
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ApplianceError(
                f"the appliance does not answer: {error}", advice=DAEMON_GONE_ADVICE
            ) from None
        if response.status >= 400:
            refusal: Mapping[str, Any] = body.get("error", {})
            kind = _ERRORS.get(str(refusal.get("code")), ApplianceError)
            raise kind(str(refusal.get("message")), advice=str(refusal.get("advice")))
        return body


def _parse_address(address: str) -> tuple[str, str]:
    """URL and Unix socket of `unix:/path`, `http://host:port` or `host:port`."""
    if address.startswith("unix:"):
        return "http://localhost", address.removeprefix("unix:")
    host, _, port = address.removeprefix("http://").rpartition(":")
    host = host.strip("[]")
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}", ""


def _probe_result(body: Mapping[str, Any]) -> ProbeResult:
    return ProbeResult(**{**body, "outcome": ProbeOutcome(body["outcome"])})


def control_socket(config: Config) -> Path:
    """The path of the Unix socket on which the daemon answers its own machine."""
    return config.store.path.parent / "control.sock"
