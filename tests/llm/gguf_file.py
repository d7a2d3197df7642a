"""Builds small GGUF files, byte by byte as ggml's specification has them."""

import struct
from collections.abc import Mapping, Sequence

ALIGNMENT = 32
TEMPLATE = "{% for tool in tools %}{{ tool }}{% endfor %}"
QWEN: Mapping[str, object] = {
    "general.architecture": "qwen2",
    "qwen2.block_count": 24,
    "qwen2.embedding_length": 896,
    "qwen2.attention.head_count": 14,
    "qwen2.attention.head_count_kv": 2,
    "tokenizer.ggml.tokens": ["a", "b", "longer"],
    "tokenizer.ggml.scores": [1, 2, 3],
    "tokenizer.chat_template": TEMPLATE,
}


def gguf(
    metadata: Mapping[str, object] = QWEN,
    tensors: Sequence[tuple[str, int, int]] = (("output.weight", 64, 0), ("token.weight", 64, 8)),
    *,
    version: int = 3,
) -> bytes:
    """A whole file; a tensor is its name, its number of values, and its type (0: F32, 8: Q8_0)."""
    entries = b"".join(_string(key) + _value(value) for key, value in metadata.items())
    table, data = b"", b""
    for name, values, kind in tensors:
        table += _string(name) + struct.pack("<IQIQ", 1, values, kind, len(data))
        size = values * 4 if kind == 0 else values // 32 * 34
        data += bytes(-(-size // ALIGNMENT) * ALIGNMENT)
    counts = struct.pack("<IQQ", version, len(tensors), len(metadata))
    header = b"GGUF" + counts + entries + table
    return header + bytes(-len(header) % ALIGNMENT) + data


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value: object) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _string(value)
    if isinstance(value, int):
        return struct.pack("<Ii", 5, value)
    assert isinstance(value, list)
    if isinstance(value[0], str):
        head = struct.pack("<IIQ", 9, 8, len(value))
        return head + b"".join(map(_string, value))
    return struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)
