"""The gate of the WebSocket: what it lets through, and that nothing else gets through."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat.frames.protobufs import frames_pb2 as generated

from appliance import wire

frames_pb2: Any = generated  # its classes are made at run time
PCM = b"\x01\x00" * 320


def test_the_schema_is_pipecats_field_for_field() -> None:
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
def test_what_is_encoded_is_decoded(frame: wire.Frame) -> None:
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
def test_a_client_may_not_send(data: bytes | str, code: str) -> None:
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
def test_nothing_a_stranger_sends_raises_anything_else(data: bytes | str) -> None:
    _survives(data)


@given(st.integers(0, 2**32), st.sampled_from([wire.encode(wire.Audio(PCM)), _message()]))
def test_no_mutation_of_a_good_frame_raises_anything_else(seed: int, good: bytes) -> None:
    chance = random.Random(seed)
    data = bytearray(good)
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    _survives(bytes(data[: chance.randint(1, len(data))]))


def _survives(data: bytes | str) -> None:
    try:
        frame = wire.decode_from_client(data)
    except wire.Malformed:
        return
    if isinstance(frame, wire.Audio):
        assert (frame.sample_rate, frame.channels) == (16_000, 1)
        assert len(frame.pcm) % 2 == 0
