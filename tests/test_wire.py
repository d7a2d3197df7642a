"""The wire protocol: frames, the gate for what clients send, and the messages to the page."""

import ast
import json
import random
import re
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat.frames.protobufs import frames_pb2 as generated

from appliance import wire
from appliance.conversation import TaskState

ROOT = Path(__file__).parent.parent
frames_pb2: Any = generated  # protobuf makes its classes at run time
PCM = b"\x01\x00" * 320


def test_the_schema_is_that_of_pipecat_field_for_field() -> None:
    theirs = frames_pb2.Frame.DESCRIPTOR
    ours = wire._frame_class().DESCRIPTOR
    assert [(f.name, f.number) for f in ours.fields] == [(f.name, f.number) for f in theirs.fields]
    for member in ours.fields:
        their_fields = theirs.fields_by_name[member.name].message_type.fields_by_name
        for field in member.message_type.fields:
            assert (field.number, field.type) == (
                their_fields[field.name].number,
                their_fields[field.name].type,
            )


@pytest.mark.parametrize(
    "frame",
    [wire.Audio(PCM), wire.Audio(PCM, 24_000, 1), wire.Message({"a": [1]}), wire.Interruption()],
)
def test_decoding_reverses_encoding(frame: wire.Frame) -> None:
    assert wire.decode(wire.encode(frame)) == frame


def _message(**fields: object) -> bytes:
    base: dict[str, object] = {"label": "rtvi-ai", "type": "client-ready", "id": "1", "data": {}}
    return wire.encode(wire.Message(base | fields))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("text instead of bytes", "text"),
        (b"\xff" * 40, "not_protobuf"),
        (wire.encode(wire.Audio(PCM))[:-3], "not_protobuf"),
        (b"", "unknown_frame"),
        (bytes(wire.MAX_FRAME_BYTES + 1), "oversized"),
        (wire.encode(wire.Interruption()), "unknown_frame"),
        (
            frames_pb2.Frame(text=frames_pb2.TextFrame(text="hi")).SerializeToString(),
            "unknown_frame",
        ),
        (wire.encode(wire.Audio(PCM, 8_000)), "sample_rate"),
        (wire.encode(wire.Audio(PCM, 4_294_967_295)), "sample_rate"),
        (wire.encode(wire.Audio(PCM, 16_000, 2)), "channels"),
        (wire.encode(wire.Audio(PCM, 16_000, 0)), "channels"),
        (wire.encode(wire.Audio(PCM[:-1])), "audio_length"),
        (wire.encode(wire.Audio(b"")), "audio_length"),
        (wire.encode(wire.Audio(bytes(40_000))), "audio_length"),
        (
            frames_pb2.Frame(message=frames_pb2.MessageFrame(data="{")).SerializeToString(),
            "not_json",
        ),
        (
            frames_pb2.Frame(message=frames_pb2.MessageFrame(data="[1]")).SerializeToString(),
            "not_json",
        ),
        (wire.encode(wire.Message(json.loads('{"a":' * 12 + "{}" + "}" * 12))), "not_json"),
        (_message(label="other"), "not_rtvi"),
        (_message(id=7), "not_rtvi"),
        (_message(type="llm-function-call-result"), "unknown_message"),
        (_message(type="raw-audio"), "unknown_message"),
        (_message(type=["send-text"]), "unknown_message"),
        (_message(type="send-text", data={"content": "  "}), "text_content"),
        (_message(type="send-text", data={"content": "x" * 5_000}), "text_content"),
        (_message(type="send-text", data="hello"), "text_content"),
    ],
)
def test_frames_that_a_client_may_not_send_are_malformed(data: bytes | str, code: str) -> None:
    with pytest.raises(wire.Malformed) as refused:
        wire.decode_from_client(data)
    assert refused.value.code == code
    assert refused.value.reason


def test_a_client_may_send_audio_and_messages() -> None:
    assert wire.decode_from_client(wire.encode(wire.Audio(PCM))) == wire.Audio(PCM)
    ready = wire.decode_from_client(_message(data={"version": "2.0.0"}))
    assert isinstance(ready, wire.Message)
    assert ready.data["data"] == {"version": "2.0.0"}


@given(st.binary(max_size=400) | st.text(max_size=100))
def test_arbitrary_data_is_decoded_or_malformed(data: bytes | str) -> None:
    _assert_decoded_or_malformed(data)


@given(st.integers(0, 2**32), st.sampled_from([wire.encode(wire.Audio(PCM)), _message()]))
def test_a_mutated_frame_is_decoded_or_malformed(seed: int, good: bytes) -> None:
    chance = random.Random(seed)
    data = bytearray(good)
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    _assert_decoded_or_malformed(bytes(data[: chance.randint(1, len(data))]))


def _assert_decoded_or_malformed(data: bytes | str) -> None:
    try:
        frame = wire.decode_from_client(data)
    except wire.Malformed:
        return
    if isinstance(frame, wire.Audio):
        assert (frame.sample_rate, frame.channels) == (16_000, 1)
        assert len(frame.pcm) % 2 == 0


# The types of fields, as messages.ts writes those that are neither a union nor optional.
PLAIN = {"str": "string", "float": "number", "int": "number", "bool": "boolean"}


def _sent() -> dict[str, dict[str, str]]:
    """By `type`, the fields of each message that the appliance sends, typed as in TypeScript."""
    return {
        message.type: {
            field.name + ("?" if _is_optional(hint) else ""): _in_typescript(hint)
            for field in fields(message)
            for hint in [get_type_hints(message)[field.name]]
        }
        for message in wire.ServerMessage.__subclasses__()
    }


def _is_optional(hint: object) -> bool:
    return type(None) in get_args(hint)


def _in_typescript(hint: object) -> str:
    if hint is TaskState:
        return _union(TaskState)
    arguments = [one for one in get_args(hint) if one is not type(None)]
    if str(hint).startswith("typing.Literal"):
        return _union(arguments)
    if str(hint).startswith("collections.abc.Mapping"):
        return f"Record<{', '.join(map(_in_typescript, arguments))}>"
    [plain] = arguments or [hint]
    return PLAIN[getattr(plain, "__name__", "")]


def _union(values: Iterable[str]) -> str:
    return " | ".join(sorted(f'"{value}"' for value in values))


def _declared() -> dict[str, dict[str, str]]:
    """The same of the interfaces that make up `ServerMessage` in the page's messages.ts."""
    source = (ROOT / "web" / "src" / "server" / "messages.ts").read_text(encoding="utf-8")
    unions = {
        name: _union(re.findall(r'"([^"]+)"', values))
        for name, values in re.findall(r'export type (\w+) =([\s|]*"[^;]+);', source)
    }
    members = re.search(r"export type ServerMessage =([^;]+);", source)
    assert members is not None
    declared: dict[str, dict[str, str]] = {}
    for name in re.findall(r"\w+", members[1]):
        body = re.search(rf"export interface {name} {{(.*?)\n}}", source, re.DOTALL)
        assert body is not None, name
        declarations: dict[str, str] = dict(
            re.findall(r"^  (\w+\??): ([^;]+);", body[1], re.MULTILINE)
        )
        tag = str(declarations.pop("type")).strip('"')
        declared[tag] = {field: unions.get(hint, hint) for field, hint in declarations.items()}
    return declared


def test_the_page_declares_every_message_that_is_sent_to_it_and_no_other() -> None:
    assert _declared() == _sent()


def test_fields_without_a_value_are_left_out() -> None:
    assert wire.VolumeMessage(change=-20).to_json() == {"type": "volume", "change": -20}
    assert wire.VolumeMessage(level=0).to_json() == {"type": "volume", "level": 0}
    message = wire.TaskUpdateMessage("1", "claude", TaskState.DONE, "do it", "", 1.0, 2.0)
    assert json.loads(json.dumps(message.to_json()))["state"] == "done"


def test_messages_are_written_in_one_place() -> None:
    """A dict of the form `{"type": "timer", …}` anywhere else is a message without a type."""
    tags = {message.type for message in wire.ServerMessage.__subclasses__()} | {"server-message"}
    found = [
        f"{module}:{node.lineno}"
        for module in (ROOT / "appliance").rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Dict) and module.name != "wire.py"
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "type"
        if isinstance(value, ast.Constant) and value.value in tags
    ]
    assert found == []
