"""A client of the appliance that opens sessions and talks in real time, as a browser does.

The self-test, the benchmark and the tests use it. It streams a microphone in real time (silence
unless there is something to say) and records when everything arrived.

    POST /api/sessions ─► ws_url ─► client-ready ─► bot-ready ─► say(pcm) … ─► close
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from appliance import wire
from appliance.audio.format import INPUT_RATE
from appliance.errors import SessionError, SessionLimit

if TYPE_CHECKING:
    import ssl

    import aiohttp

PACKET_SECONDS = 0.02
PACKET_BYTES = int(INPUT_RATE * PACKET_SECONDS) * 2
RTVI_VERSION = "2.0.0"
SILENCE = 300  # peak sample value (-41 dB of full scale) below which speech has ended

# Until a server that is not the appliance is ready: it may load its models for every session.
FOREIGN_SERVER_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame from the appliance, and when it arrived (seconds of the monotonic clock)."""

    at: float
    frame: wire.Frame

    @property
    def kind(self) -> str:
        """The type of an RTVI message; "audio" or "interruption" otherwise."""
        if isinstance(self.frame, wire.Message):
            return str(self.frame.data.get("type", ""))
        return "audio" if isinstance(self.frame, wire.Audio) else "interruption"

    @property
    def data(self) -> dict[str, Any]:
        """The data of an RTVI message; empty for any other frame."""
        inner = self.frame.data.get("data") if isinstance(self.frame, wire.Message) else None
        return inner if isinstance(inner, dict) else {}


@dataclass(slots=True)
class Call:
    """One session, seen from its client."""

    session: Mapping[str, Any]
    arrived: list[Arrival] = field(default_factory=list)
    microphone_on: bool = True
    close_code: int | None = None
    _socket: "aiohttp.ClientWebSocketResponse | None" = None
    _speech: deque[bytes] = field(default_factory=deque)
    _speech_began: float = 0.0
    _speech_ended: float = 0.0
    _sent_from: float = 0.0
    _speech_sent: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def conversation_id(self) -> str:
        return str(self.session["conversation_id"])

    @property
    def session_id(self) -> str:
        return str(self.session["session_id"])

    async def send(self, frame: wire.Frame) -> None:
        assert self._socket is not None
        await self._socket.send_bytes(wire.encode(frame))

    async def send_raw(self, data: bytes | str) -> None:
        """Sends data that need not be a valid frame."""
        assert self._socket is not None
        if isinstance(data, str):
            await self._socket.send_str(data)
        else:
            await self._socket.send_bytes(data)

    async def message(self, kind: str, data: Mapping[str, Any] | None = None) -> None:
        """Sends an RTVI message."""
        body = {"label": wire.LABEL, "type": kind, "id": f"{time.monotonic_ns():x}"}
        await self.send(wire.Message({**body, "data": dict(data or {})}))

    async def type(self, text: str) -> float:
        """Sends text instead of speech; returns the time of sending."""
        await self.message("send-text", {"content": text})
        return time.monotonic()

    async def say(self, pcm: bytes) -> float:
        """Speaks 16 kHz mono PCM in real time; returns the time of its last voiced sample.

        As with a microphone, a packet is sent after its last sample. Raises SessionError when the
        session ends first.
        """
        self._speech_began = self._sent_from = 0.0
        self._speech.extend(packets(pcm))
        self._speech_sent.clear()
        await self._speech_sent.wait()
        if self._speech:
            raise SessionError(f"the session ended with code {self.close_code}")
        return self._speech_ended

    @property
    def speech_began(self) -> float:
        """The time of the first voiced sample of the current or latest speech; 0 before it."""
        return self._speech_began

    @property
    def sent_from(self) -> float:
        """The time of the first sample, silent or not, of the latest speech; 0 before it."""
        return self._sent_from

    async def wait_for(
        self, wanted: Callable[[Arrival], bool], *, since: float = 0.0, seconds: float = 15.0
    ) -> Arrival:
        """The first arrival after `since` that `wanted` accepts, awaited if need be.

        Raises SessionError when it does not come in time or the session ends first.
        """
        try:
            async with asyncio.timeout(seconds), self._changed:
                seen = 0
                while True:
                    for arrival in self.arrived[seen:]:
                        if arrival.at >= since and wanted(arrival):
                            return arrival
                    seen = len(self.arrived)
                    if self.close_code is not None:
                        raise SessionError(f"the session ended with code {self.close_code}")
                    await self._changed.wait()
        except TimeoutError:
            kinds = [a.kind for a in self.arrived if a.at >= since and a.kind != "audio"]
            raise SessionError(f"nothing wanted came within {seconds} s, but {kinds}") from None

    async def wait_closed(self, seconds: float = 10.0) -> int:
        """The code with which the appliance ended the session."""
        async with asyncio.timeout(seconds), self._changed:
            while self.close_code is None:
                await self._changed.wait()
        return self.close_code

    def after(self, since: float, kind: str = "") -> list[Arrival]:
        """The arrivals since a time, of one kind or of all."""
        return [a for a in self.arrived if a.at >= since and kind in ("", a.kind)]

    async def _listen(self) -> None:
        assert self._socket is not None
        async for message in self._socket:
            if isinstance(message.data, bytes):
                arrival = Arrival(time.monotonic(), wire.decode(message.data))
                async with self._changed:
                    self.arrived.append(arrival)
                    self._changed.notify_all()
        async with self._changed:
            self.close_code = self._socket.close_code or 1006
            self._changed.notify_all()

    async def _stream(self) -> None:
        """Sends a packet every 20 ms; late ones follow each other at once."""
        due = time.monotonic()
        try:
            while self.close_code is None:
                if self.microphone_on:
                    await self._send_packet()
                if not self._speech:
                    self._speech_sent.set()
                due += PACKET_SECONDS
                await asyncio.sleep(max(0.0, due - time.monotonic()))
        finally:
            self._speech_sent.set()

    async def _send_packet(self) -> None:
        packet = self._speech.popleft() if self._speech else None
        await self.send(wire.Audio(packet or bytes(PACKET_BYTES)))
        if packet is None:
            return
        begin = time.monotonic() - PACKET_SECONDS
        self._sent_from = self._sent_from or begin
        if voiced := voiced_samples(packet):
            self._speech_began = self._speech_began or begin + voiced[0] / INPUT_RATE
            self._speech_ended = begin + (voiced[1] + 1) / INPUT_RATE


def packets(pcm: bytes) -> list[bytes]:
    """Audio cut into packets of 20 ms, the last one filled up with silence."""
    return [
        pcm[start : start + PACKET_BYTES].ljust(PACKET_BYTES, b"\0")
        for start in range(0, len(pcm), PACKET_BYTES)
    ]


def voiced_samples(packet: bytes) -> tuple[int, int] | None:
    """The first and the last sample of 16-bit PCM above SILENCE; None for silence."""
    samples = memoryview(packet).cast("h")
    if max(samples) <= SILENCE and min(samples) >= -SILENCE:
        return None
    voiced = [number for number, sample in enumerate(samples) if abs(sample) > SILENCE]
    return voiced[0], voiced[-1]


@asynccontextmanager
async def calling(
    base_url: str,
    *,
    token: str = "",
    options: Mapping[str, Any] | None = None,
    tls: "ssl.SSLContext | None" = None,
    microphone: bool = True,
    socket: str = "",
) -> AsyncIterator[Call]:
    """A session with the appliance at `base_url`, ready to talk.

    `options` is the body of POST /api/sessions. `socket` is a Unix socket through which the
    address is reached. Raises SessionLimit where all sessions are taken, SessionError with the
    appliance's message where it refuses for another reason.
    """
    import aiohttp

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    secure = tls if tls is not None else True
    connector = aiohttp.UnixConnector(socket) if socket else None
    async with aiohttp.ClientSession(headers=headers, connector=connector) as http:
        async with http.post(
            f"{base_url}/api/sessions", json=dict(options or {}), ssl=secure
        ) as answer:
            body = await answer.json()
            if answer.status != 201:
                error = body.get("error", {})
                kind = SessionLimit if error.get("code") == SessionLimit.code else SessionError
                raise kind(str(error.get("message")), advice=str(error.get("advice")))
        address = base_url.replace("http", "ws", 1) + body["ws_url"]
        async with (
            http.ws_connect(address, ssl=secure, max_msg_size=0) as ws,
            _streaming(Call(body, microphone_on=microphone, _socket=ws), ws) as call,
        ):
            yield call


@asynccontextmanager
async def joining(address: str) -> AsyncIterator[Call]:
    """A session with any server that speaks Pipecat's protobuf frames and RTVI."""
    import aiohttp

    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(address, max_msg_size=0) as socket,
        _streaming(Call({}, _socket=socket), socket, FOREIGN_SERVER_SECONDS) as call,
    ):
        yield call


@asynccontextmanager
async def _streaming(
    call: Call, socket: "aiohttp.ClientWebSocketResponse", ready_seconds: float = 15.0
) -> AsyncIterator[Call]:
    tasks = [asyncio.create_task(call._listen())]
    try:
        await call.message(
            "client-ready", {"version": RTVI_VERSION, "about": {"library": "appliance"}}
        )
        await call.wait_for(lambda a: a.kind == "bot-ready", seconds=ready_seconds)
        tasks.append(asyncio.create_task(call._stream()))
        yield call
    finally:
        for microphone in tasks[1:]:
            microphone.cancel()
        await socket.close()
        await asyncio.gather(*tasks, return_exceptions=True)
