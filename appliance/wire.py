"""The wire protocol: Pipecat's protobuf frames on a WebSocket, RTVI messages inside them.

    client                                   appliance
      Audio 16 kHz mono, ~20 ms   ──────►
      Message (RTVI, see CLIENT_MESSAGES) ►
                                  ◄──────    Audio 24 kHz mono, 20 ms
                                  ◄──────    Message (RTVI; of its own: ServerMessage)
                                  ◄──────    Interruption: drop all audio not yet played

`decode_from_client` is the gate: a frame that passes it is safe to hand to a pipeline. A frame
that it refuses raises Malformed, whose code is counted, and the session goes on.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar, Literal, Protocol

from appliance.audio.format import INPUT_RATE
from appliance.conversation import TaskState

MAX_FRAME_BYTES = 64 * 1024
MAX_AUDIO_SECONDS = 1.0
MAX_JSON_DEPTH = 8
LABEL = "rtvi-ai"

# The messages that a client may send. Pipecat's processor accepts more (function results, raw
# audio as base64, files, UI events), by which a client could answer for a tool or evade the checks
# of audio.
CLIENT_MESSAGES = frozenset({"client-ready", "disconnect-bot", "send-text", "client-message"})
MAX_TEXT = 4_000


class Malformed(ValueError):
    """A frame that breaks the protocol. `code` is short and stable, for counting."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Audio:
    """Signed 16 bit little-endian PCM."""

    pcm: bytes
    sample_rate: int = INPUT_RATE
    channels: int = 1


@dataclass(frozen=True, slots=True)
class Message:
    """One RTVI message as a JSON object with label, type, id and data."""

    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Interruption:
    """The assistant was interrupted: the client drops the audio that it has buffered."""


Frame = Audio | Message | Interruption


class Socket(Protocol):
    """A WebSocket as a session uses it, whatever serves it."""

    async def receive(self) -> bytes | str | None:
        """The next message; None once the socket is closed, for whatever reason."""

    async def send(self, data: bytes) -> None:
        """Writes a binary message; waits while the peer does not read. No error when closed."""

    async def close(self, code: int, reason: str) -> None:
        """Closes with a WebSocket status code. A second call has no effect."""


@dataclass(frozen=True, slots=True)
class ServerMessage:
    """A message of the appliance's own to the page: the data of an RTVI `server-message`.

    web/src/server/messages.ts declares the same messages; a test compares both.
    """

    type: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """`type` and the fields, without those that are None."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"type": self.type} | {k: v for k, v in values.items() if v is not None}


@dataclass(frozen=True, slots=True)
class RouteMessage(ServerMessage):
    """Which route and engines (by kind) answer from now on; `left_the_box`: words leave it."""

    type = "route"
    route: str
    engines: Mapping[str, str]
    left_the_box: bool


TimerState = Literal["set", "paused", "rang", "missed", "stopped", "cancelled"]


@dataclass(frozen=True, slots=True)
class TimerMessage(ServerMessage):
    """A timer in its state: `set` runs, `rang` rings on, `missed` was heard by nobody.

    `stopped` and `cancelled` timers are gone. `due` is in seconds since the epoch; `left` is what
    remains of its `seconds`, below zero where it was due. `name` is empty for one without a name.
    """

    type = "timer"
    id: str
    name: str
    state: TimerState
    due: float
    seconds: float
    left: float
    client_id: str


@dataclass(frozen=True, slots=True)
class TaskUpdateMessage(ServerMessage):
    """An agent's task as it is now, without its result. Times are seconds since the epoch."""

    type = "task-update"
    id: str
    agent: str
    state: TaskState
    request: str
    progress: str
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class AgentSaidMessage(ServerMessage):
    """A text that an agent sent by itself, outside any task."""

    type = "agent-said"
    agent: str
    text: str


@dataclass(frozen=True, slots=True)
class VolumeMessage(ServerMessage):
    """Sets the page's volume to `level` percent, or changes it by `change` percentage points."""

    type = "volume"
    level: int | None = None
    change: int | None = None


@dataclass(frozen=True, slots=True)
class RecordingMessage(ServerMessage):
    """Whether the session is recorded from now on, and since when, in seconds since the epoch."""

    type = "recording"
    on: bool
    since: float | None = None


@dataclass(frozen=True, slots=True)
class NoticeMessage(ServerMessage):
    """Sentences for the user to read: what happened, and what to do about it, if anything."""

    type = "notice"
    message: str
    advice: str = ""


PING = "ping"
STOP = "stop"


def asks(message: Message, what: str) -> bool:
    """Whether a client's message is the `client-message` of that type."""
    data = message.data.get("data")
    is_named = isinstance(data, dict) and data.get("t") == what
    return message.data.get("type") == "client-message" and is_named


def pong(ping: Message) -> dict[str, Any]:
    """The RTVI `server-response` to a ping."""
    data = {"t": PING, "d": {}}
    return {"label": LABEL, "type": "server-response", "id": ping.data["id"], "data": data}


class ConnectedClient(Protocol):
    """A client with an open session, to which messages can be sent."""

    @property
    def client_id(self) -> str: ...

    def send_message(self, message: ServerMessage) -> None:
        """Sends a message without waiting; no effect once the session is over."""


def server_message(message: ServerMessage) -> dict[str, Any]:
    """A message of the appliance's own as an RTVI message."""
    return {"label": LABEL, "type": "server-message", "data": message.to_json()}


def error_message(fault: Malformed) -> dict[str, Any]:
    """The RTVI error that answers a malformed frame."""
    data = {"error": fault.reason, "fatal": False, "code": f"malformed_{fault.code}"}
    return {"label": LABEL, "type": "error", "data": data}


@cache
def _frame_class() -> Any:  # noqa: ANN401  a class protobuf makes at run time
    """The protobuf class of a frame, in a descriptor pool of its own.

    Its schema is that of Pipecat's published frames.proto, field for field; a test compares them.
    It is built here so that a client can talk to the appliance without Pipecat.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = descriptor_pb2.FieldDescriptorProto
    audio_fields = (
        ("id", kinds.TYPE_UINT64),
        ("name", kinds.TYPE_STRING),
        ("audio", kinds.TYPE_BYTES),
        ("sample_rate", kinds.TYPE_UINT32),
        ("num_channels", kinds.TYPE_UINT32),
    )
    named = (("id", kinds.TYPE_UINT64), ("name", kinds.TYPE_STRING))
    messages = {
        "TextFrame": (*named, ("text", kinds.TYPE_STRING)),
        "AudioRawFrame": audio_fields,
        "TranscriptionFrame": (*named, ("text", kinds.TYPE_STRING)),
        "MessageFrame": (("data", kinds.TYPE_STRING),),
        "InterruptionFrame": named,
    }
    file = descriptor_pb2.FileDescriptorProto(
        name="appliance_frames.proto", package="appliance", syntax="proto3"
    )
    for name, members in messages.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(members, start=1):
            message.field.add(name=field, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    frame = file.message_type.add(name="Frame")
    frame.oneof_decl.add(name="frame")
    kinds_of_frame = ("text", "audio", "transcription", "message", "interruption")
    for number, (member, name) in enumerate(zip(kinds_of_frame, messages, strict=True), start=1):
        frame.field.add(
            name=member,
            number=number,
            type=kinds.TYPE_MESSAGE,
            type_name=f".appliance.{name}",
            label=kinds.LABEL_OPTIONAL,
            oneof_index=0,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("appliance.Frame"))


def encode(frame: Frame) -> bytes:
    """The bytes of a frame."""
    proto = _frame_class()()
    if isinstance(frame, Audio):
        proto.audio.audio = frame.pcm
        proto.audio.sample_rate = frame.sample_rate
        proto.audio.num_channels = frame.channels
    elif isinstance(frame, Message):
        proto.message.data = json.dumps(frame.data)
    else:
        proto.interruption.SetInParent()
    return bytes(proto.SerializeToString())


def decode(data: bytes | str) -> Frame:
    """A frame from either side. Raises Malformed for data that is no frame of the protocol.

    It checks the form only, not whether a client may send the frame.
    """
    from google.protobuf.message import DecodeError

    if isinstance(data, str):
        raise Malformed("text", "the protocol is binary; this frame is text")
    if len(data) > MAX_FRAME_BYTES:
        raise Malformed("oversized", f"a frame has at most {MAX_FRAME_BYTES} bytes")
    proto = _frame_class()()
    try:
        proto.ParseFromString(data)
    except DecodeError:
        raise Malformed("not_protobuf", "the frame is truncated or is not protobuf") from None
    kind = proto.WhichOneof("frame")
    if kind == "audio":
        return Audio(proto.audio.audio, proto.audio.sample_rate, proto.audio.num_channels)
    if kind == "message":
        return Message(_json_object(proto.message.data))
    if kind == "interruption":
        return Interruption()
    raise Malformed("unknown_frame", "only audio and message frames are part of the protocol")


def decode_from_client(data: bytes | str) -> Audio | Message:
    """A frame that a client is allowed to send.

    Raises Malformed: not a frame, not 16 kHz mono of whole samples and at most a second, not
    an RTVI message of a kind in CLIENT_MESSAGES.
    """
    frame = decode(data)
    if isinstance(frame, Audio):
        return _checked_audio(frame)
    if isinstance(frame, Message):
        return _checked_message(frame)
    raise Malformed("unknown_frame", "only the appliance interrupts")


def _checked_audio(audio: Audio) -> Audio:
    if audio.sample_rate != INPUT_RATE:
        raise Malformed("sample_rate", f"audio must be {INPUT_RATE} Hz, not {audio.sample_rate}")
    if audio.channels != 1:
        raise Malformed("channels", f"audio must have one channel, not {audio.channels}")
    if not audio.pcm or len(audio.pcm) % 2:
        raise Malformed("audio_length", "audio must be whole 16 bit samples, at least one")
    if len(audio.pcm) > INPUT_RATE * 2 * MAX_AUDIO_SECONDS:
        raise Malformed("audio_length", "one frame carries at most one second of audio")
    return audio


def _checked_message(message: Message) -> Message:
    data = message.data
    if data.get("label") != LABEL:
        raise Malformed("not_rtvi", f'a message carries "label": "{LABEL}"')
    kind = data.get("type")
    if not isinstance(kind, str) or kind not in CLIENT_MESSAGES:
        allowed = ", ".join(sorted(CLIENT_MESSAGES))
        raise Malformed("unknown_message", f"a message is one of {allowed}")
    if not isinstance(data.get("id"), str):
        raise Malformed("not_rtvi", 'a message carries an "id" that is a string')
    content = data.get("data")
    if kind == "send-text":
        text = content.get("content") if isinstance(content, dict) else None
        if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT:
            raise Malformed("text_content", f"text has 1 to {MAX_TEXT} characters")
    return message


def _json_object(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("not_json", "the message is not JSON") from None
    if not isinstance(data, dict):
        raise Malformed("not_json", "the message is not a JSON object")
    if _deeper_than(data, MAX_JSON_DEPTH):
        raise Malformed("not_json", f"the message is nested deeper than {MAX_JSON_DEPTH} levels")
    return data


def _deeper_than(value: Any, levels: int) -> bool:  # noqa: ANN401  any JSON value
    children: list[Any] = []
    if isinstance(value, dict):
        children = list(value.values())
    elif isinstance(value, list):
        children = value
    return bool(children) and (
        levels == 0 or any(_deeper_than(child, levels - 1) for child in children)
    )
