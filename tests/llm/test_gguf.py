"""Headers of GGUF files: whole, cut at any byte, damaged, and of other kinds."""

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ModelBroken, ModelMissing
from appliance.llm.gguf import parse_header
from appliance.llm.model_file import check_model_file, read_header
from tests.llm.gguf_file import QWEN, gguf

WHOLE = gguf()
SIZE_OF_TENSORS = 256 + 96  # 64 F32 values, and two blocks of Q8_0 rounded up to the alignment


@pytest.mark.parametrize("version", [2, 3])
def test_a_header_says_what_the_model_is(version: int) -> None:
    header = parse_header(gguf(version=version))
    assert header.architecture == "qwen2"
    assert header.knows_tools
    assert header.tensors == 2
    assert header.token_bytes == 2 * 2 * 24 * 2 * 64
    assert "tokenizer.ggml.tokens" not in header.metadata


def test_the_size_is_that_of_the_last_tensor_and_no_more() -> None:
    header = parse_header(WHOLE)
    # The last tensor is two blocks of 34 bytes; what follows them is padding.
    assert header.bytes == len(WHOLE) - SIZE_OF_TENSORS + 256 + 68


def test_a_tensor_of_an_unknown_type_counts_as_empty() -> None:
    plain = gguf(tensors=(("one", 64, 0),))
    assert parse_header(plain.replace(struct.pack("<IQ", 0, 0), struct.pack("<IQ", 99, 0))).tensors


@given(st.integers(0, len(WHOLE) - SIZE_OF_TENSORS - 32))
def test_a_header_that_is_cut_is_broken(length: int) -> None:
    with pytest.raises(ModelBroken):
        parse_header(WHOLE[:length])


@given(st.binary(max_size=200))
def test_anything_else_is_broken_and_never_another_error(noise: bytes) -> None:
    for content in (noise, b"GGUF" + noise, b"GGUF\x03\0\0\0" + noise):
        with suppress(ModelBroken):
            parse_header(content)


@given(st.integers(8, len(WHOLE) - SIZE_OF_TENSORS - 1), st.integers(0, 255))
def test_one_wrong_byte_is_no_other_error(place: int, value: int) -> None:
    damaged = WHOLE[:place] + bytes([value]) + WHOLE[place + 1 :]
    with suppress(ModelBroken):
        parse_header(damaged)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"RIFF" + bytes(100), "no GGUF model"),
        (b"GGUF" + struct.pack("<I", 9) + bytes(100), "version 9"),
        (WHOLE[:-200], "truncated: it has"),
        (gguf({**QWEN, "general.architecture": "clip"}), "family 'clip'"),
        (gguf({"tokenizer.chat_template": "tools"}), "family 'unknown'"),
        (gguf(tensors=()), "no language model"),
        (gguf({**QWEN, "tokenizer.chat_template": "{{ messages }}"}), "no place for tools"),
        (gguf({"general.architecture": "qwen2"}), "no place for tools"),
    ],
)
def test_a_file_that_cannot_be_served_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(content)
    with pytest.raises(ModelBroken, match=reason) as caught:
        check_model_file(file, 10**9, 0, 4096)
    assert caught.value.advice


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(WHOLE)
    with pytest.raises(ModelBroken, match=r"too large: it takes 500 MB, and there are 400 MB"):
        check_model_file(file, 400 * 10**6, 450 * 10**6, 4096)
    assert check_model_file(file, 600 * 10**6, 450 * 10**6, 4096).architecture == "qwen2"
    assert check_model_file(file, 0, 450 * 10**6, 4096), (
        "an unknown amount of memory refuses nothing"
    )


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="No such file"):
        read_header(tmp_path / "model.gguf")
