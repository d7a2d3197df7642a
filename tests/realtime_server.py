"""Runs a scripted Realtime server on a real port, with the protocol of OpenAI's API.

Loud audio counts as speech, whose transcript the test sets. The script answers with a text (spoken
as a tone), a `Call` for a tool, or a failure.
"""

import asyncio
import base64
import copy
import itertools
import json
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import TypeAdapter, ValidationError

from appliance.bench.scripted_llm import serve_on_free_port

CLIENT: "TypeAdapter[Any]" = TypeAdapter(RealtimeClientEvent)
SERVER: "TypeAdapter[Any]" = TypeAdapter(RealtimeServerEvent)
LOUD = 500  # of 32,768, as a mean over a packet
SILENT_BYTES = 24_000  # of 24 kHz audio, half a second, end a turn
CHUNK = struct.pack("<h", 6_000) * 2_400  # 100 ms of a voice


@dataclass(frozen=True)
class Call:
    """The model calls a tool."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Several:
    """One response of several texts and calls, in this order."""

    parts: tuple[str | Call, ...]


@dataclass(frozen=True)
class Drop:
    """The connection breaks after some words of an answer."""

    after: str = ""


@dataclass(frozen=True)
class Fails:
    """The response fails with an error."""


@dataclass(frozen=True)
class Mute:
    """The response never comes."""


@dataclass(frozen=True)
class Nonsense:
    """The server sends text that is not an event."""


Reply = str | Call | Several | Drop | Fails | Mute | Nonsense
Script = Callable[[str], Reply]
"""Maps the user's words, or the result of a tool as JSON, to a reply."""


@dataclass
class RealtimeServer:
    """A running server.

    `refuse` is an HTTP status with which it refuses every connection, `greeting` the first event,
    `transcribes` whether it sends transcripts; `hears` is the transcript of any speech.
    `sessions` has the settings of the connections, and `events` all events received. `faults` has
    the messages, of either direction, that are no events of the `openai` package; every test fails
    where there is one.
    """

    script: Script
    hears: str = "how far away is the moon"
    base_url: str = ""
    refuse: int = 0
    refused: int = 0
    transcribes: bool = True
    greeting: str = "session.created"
    keys: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    sessions: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    lines: list["Line"] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    calls: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def used(self) -> list["Line"]:
        """Returns the connections that became sessions; a slow one may have been repeated."""
        return [line for line in self.lines if line.session]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    async def connect(self, request: web.Request) -> web.StreamResponse:
        self.keys.append(request.headers.get("Authorization", ""))
        self.models.append(request.query.get("model", ""))
        if self.refuse:
            self.refused += 1
            return web.Response(status=self.refuse)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        line = Line(self, request, socket)
        self.lines.append(line)
        await line.run()
        return socket


@dataclass
class Line:
    """One connection."""

    server: RealtimeServer
    request: web.Request
    socket: web.WebSocketResponse
    session: dict[str, Any] = field(default_factory=dict)
    speaking: bool = False
    silence: int = 0
    answering: "asyncio.Task[None] | None" = None
    ids: "itertools.count[int]" = field(default_factory=itertools.count)
    waiting: str = ""

    async def run(self) -> None:
        if self.server.greeting == "session.created":
            await self.send("session.created", session={"type": "realtime"})
        elif self.server.greeting:
            await self.socket.send_json({"type": self.server.greeting})
        try:
            async for message in self.socket:
                if message.type is WSMsgType.TEXT:
                    event = json.loads(message.data)
                    self.server.events.append(event)
                    self.check(CLIENT, event)
                    await self.take(event)
        finally:
            self.silence_answer()

    def drop(self) -> None:
        """Breaks the connection without a close frame."""
        assert self.request.transport is not None
        self.request.transport.write_eof()

    async def send(self, kind: str, **content: Any) -> None:  # noqa: ANN401  JSON values
        if not self.socket.closed:
            number = f"event_{next(self.ids)}"
            event = {"type": kind, "event_id": number, **content}
            self.check(SERVER, event)
            await self.socket.send_json(event)

    def check(self, known: "TypeAdapter[Any]", event: dict[str, Any]) -> None:
        try:
            known.validate_python(event)
        except ValidationError:
            self.server.faults.append(json.dumps(event)[:300])

    async def take(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "session.update":
            merge(self.session, event["session"])
            self.server.sessions.append(copy.deepcopy(self.session))
            await self.send("session.updated", session={"type": "realtime"})
        elif kind == "input_audio_buffer.append":
            await self.hear(base64.b64decode(event["audio"]))
        elif kind == "input_audio_buffer.commit":
            await self.commit()
        elif kind == "conversation.item.create":
            await self.added(event["item"])
        elif kind == "response.create":
            await self.answer()
        elif kind == "response.cancel":
            await self.break_off()

    async def added(self, item: dict[str, Any]) -> None:
        await self.send("conversation.item.added", item=item)
        if item["type"] == "function_call_output":
            self.waiting = item["output"]
        else:
            self.waiting = item["content"][0]["text"]

    async def hear(self, pcm: bytes) -> None:
        given = self.session.get("audio", {}).get("input", {})  # audio may come before the settings
        detection = given.get("turn_detection")
        if not detection:
            return
        samples = struct.unpack(f"<{len(pcm) // 2}h", pcm)
        loud = sum(map(abs, samples)) / max(len(samples), 1) > LOUD
        self.silence = 0 if loud else self.silence + len(pcm)
        if loud and not self.speaking:
            self.speaking = True
            await self.break_off()
            item = f"item_{next(self.ids)}"
            await self.send("input_audio_buffer.speech_started", audio_start_ms=0, item_id=item)
        elif self.speaking and self.silence >= SILENT_BYTES:
            self.speaking = False
            item = f"item_{next(self.ids)}"
            await self.send("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id=item)
            await self.commit()
            await self.answer()

    async def commit(self) -> None:
        item = f"item_{next(self.ids)}"
        self.waiting = self.server.hears
        await self.send("input_audio_buffer.committed", item_id=item)
        if not self.server.transcribes:
            return
        await self.send(
            "conversation.item.input_audio_transcription.completed",
            **{"item_id": item, "content_index": 0, "transcript": self.server.hears},
            usage={"type": "duration", "seconds": 1.0},
        )

    async def answer(self) -> None:
        await self.break_off()
        self.answering = asyncio.create_task(self._answer(self.server.script(self.waiting)))

    def silence_answer(self) -> None:
        if self.answering is not None:
            self.answering.cancel()
            self.answering = None

    async def break_off(self) -> None:
        """Ends the response that is under way, with its event."""
        if self.answering is not None and not self.answering.done():
            self.silence_answer()
            await self.send("response.done", response={"id": "broken", "status": "cancelled"})

    async def _answer(self, reply: Reply) -> None:
        number = f"resp_{next(self.ids)}"
        await self.send("response.created", response={"id": number, "status": "in_progress"})
        status: dict[str, Any] = {"status": "completed"}
        match reply:
            case str():
                await self._speak(number, reply)
            case Call():
                await self._call(number, reply)
            case Several():
                for part in reply.parts:
                    if isinstance(part, str):
                        await self._speak(number, part)
                    else:
                        await self._call(number, part)
            case Drop():
                await self._speak(number, reply.after)
                self.drop()
            case Nonsense():
                await self.socket.send_str("{no event")
            case Mute():
                await asyncio.Event().wait()
            case Fails():
                why = {"error": {"type": "server_error", "message": "scripted"}}
                status = {"status": "failed", "status_details": why}
        await self.send("response.done", response={"id": number, **status})

    async def _call(self, response: str, call: Call) -> None:
        item, call_id = f"item_{next(self.ids)}", f"call_{next(self.server.calls)}"
        named = {"id": item, "type": "function_call", "call_id": call_id, "name": call.name}
        await self.send("conversation.item.added", item={**named, "arguments": ""})
        await self.send(
            "response.function_call_arguments.done",
            **{"response_id": response, "item_id": item, "output_index": 0, "call_id": call_id},
            name=call.name,
            arguments=json.dumps(call.arguments),
        )

    async def _speak(self, response: str, text: str) -> None:
        item = f"item_{next(self.ids)}"
        place = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        said = {"id": item, "type": "message", "role": "assistant", "content": []}
        await self.send("conversation.item.added", item=said)
        for word in text.split():
            spoken = f"{word} "
            await self.send("response.output_audio_transcript.delta", delta=spoken, **place)
            await self.send(
                "response.output_audio.delta", delta=base64.b64encode(CHUNK).decode(), **place
            )


def merge(into: dict[str, Any], update: dict[str, Any]) -> None:
    """Merges an update into settings; keys that it does not name stay."""
    for key, value in update.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)


@asynccontextmanager
async def realtime_server(script: Script) -> AsyncIterator[RealtimeServer]:
    """Runs the server on a free port of the loopback."""
    server = RealtimeServer(script)
    app = web.Application()
    app.router.add_get("/v1/realtime", server.connect)
    async with serve_on_free_port(app) as place:
        server.base_url = f"ws://{place}/v1/realtime"
        yield server
    assert not server.faults
