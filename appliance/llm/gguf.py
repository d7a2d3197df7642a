"""Reads the header of a GGUF file: what model it holds, and whether all of it is there. Pure.

The format is that of ggml's specification, versions 2 and 3, little-endian: metadata, then a table
of tensors, then their data. Nothing of the data itself is looked at.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from appliance.errors import ModelBroken

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_MOST_ENTRIES: Final = 1_000_000
"""More keys, tensors or array items than any model has: a damaged count would take for ever."""
_MOST_DIMENSIONS: Final = 8
_DEFAULT_ALIGNMENT: Final = 32
_STRING, _ARRAY = 8, 9
_SCALARS: Final[Mapping[int, str]] = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
# Values in a block and bytes of it, by the type of a tensor. A type that is not here is newer than
# this table: the size of such a tensor is not checked.
_BLOCKS: Final[Mapping[int, tuple[int, int]]] = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8),
    28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a GGUF file says of itself. `bytes` is how long the file must be at least.

    `metadata` holds the scalars and texts by key; arrays are left out.
    """

    version: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tensors: int = 0
    bytes: int = 0

    @property
    def architecture(self) -> str:
        """The family of the model ("qwen3"); empty where the file does not say."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def chat_template(self) -> str:
        """The Jinja template that makes a prompt of a conversation; empty without one."""
        return str(self.metadata.get("tokenizer.chat_template", ""))

    @property
    def knows_tools(self) -> bool:
        """Whether the template has a place for tools; without one they would be lost silently."""
        return "tools" in self.chat_template

    @property
    def token_bytes(self) -> int:
        """Bytes that one token of context takes, keys and values as float16; 0 where unknown."""
        layers, heads = self._number("block_count"), self._number("attention.head_count_kv")
        length = self._number("attention.key_length")
        if not length and self._number("attention.head_count"):
            length = self._number("embedding_length") // self._number("attention.head_count")
        return 2 * 2 * layers * heads * length

    def _number(self, key: str) -> int:
        value = self.metadata.get(f"{self.architecture}.{key}", 0)
        return value if isinstance(value, int) else 0


def parse_header(data: Any) -> GgufHeader:  # noqa: ANN401  bytes, or an mmap of the file
    """The header at the beginning of `data`. Raises ModelBroken where that is no GGUF file."""
    reader = _Reader(data)
    if reader.take(4) != _MAGIC:
        raise ModelBroken("the file is no GGUF model")
    version = reader.number("I")
    if version not in _VERSIONS:
        raise ModelBroken(
            f"the file is of version {version} of GGUF",
            advice=f"Versions {' and '.join(map(str, _VERSIONS))} can be read.",
        )
    tensors, keys = reader.count("Q"), reader.count("Q")
    metadata = {}
    for _ in range(keys):
        key, value = reader.string(), reader.value()
        if value is not None:
            metadata[key] = value
    ends = [reader.tensor_end() for _ in range(tensors)]
    alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or not 0 < alignment <= 65_536:
        raise ModelBroken(f"the file aligns its data to {alignment}, which is no alignment")
    start = -(-reader.position // alignment) * alignment
    return GgufHeader(version, metadata, tensors, start + max(ends, default=0))


class _Reader:
    """Reads a header from its beginning; every read past the end is a ModelBroken."""

    def __init__(self, data: Any) -> None:  # noqa: ANN401
        self._data = data
        self.position = 0

    def take(self, size: int) -> bytes:
        taken = bytes(self._data[self.position : self.position + size])
        if len(taken) < size:
            raise ModelBroken("the file ends within its header; it is truncated")
        self.position += size
        return taken

    def number(self, code: str) -> Any:  # noqa: ANN401
        return struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}")))[0]

    def count(self, code: str) -> int:
        counted = int(self.number(code))
        if counted > _MOST_ENTRIES:
            raise ModelBroken(f"the header of the file counts {counted} entries; it is damaged")
        return counted

    def string(self) -> str:
        length = self.number("Q")
        if length > len(self._data) - self.position:
            raise ModelBroken("the file ends within a text of its header; it is truncated")
        return self.take(length).decode("utf-8", "replace")

    def value(self) -> Any:  # noqa: ANN401
        """The next value; None for an array, which is passed over."""
        kind = self.number("I")
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            self._skip_array()
            return None
        if kind not in _SCALARS:
            raise ModelBroken(f"the header of the file has a value of the unknown type {kind}")
        return self.number(_SCALARS[kind])

    def _skip_array(self) -> None:
        kind, items = self.number("I"), self.count("Q")
        if kind in _SCALARS:
            size = struct.calcsize(f"<{_SCALARS[kind]}") * items
            if size > len(self._data) - self.position:
                raise ModelBroken("the file ends within a list of its header; it is truncated")
            self.position += size
            return
        skip = self._array_reader(kind)
        for _ in range(items):
            skip()

    def _array_reader(self, kind: int) -> Callable[[], object]:
        if kind == _STRING:
            return self._skip_string
        if kind == _ARRAY:
            raise ModelBroken("the header of the file has a list of lists, which no model has")
        raise ModelBroken(f"the header of the file has a list of the unknown type {kind}")

    def _skip_string(self) -> None:
        length = self.number("Q")
        if length > len(self._data) - self.position:
            raise ModelBroken("the file ends within a list of its header; it is truncated")
        self.position += length

    def tensor_end(self) -> int:
        """Where the data of the next tensor ends, from the beginning of all data."""
        self.string()
        dimensions = self.number("I")
        if dimensions > _MOST_DIMENSIONS:
            raise ModelBroken(f"the file has a tensor of {dimensions} dimensions; it is damaged")
        values = 1
        for _ in range(dimensions):
            values *= self.number("Q")
        kind, offset = self.number("I"), self.number("Q")
        block, size = _BLOCKS.get(kind, (1, 0))
        return int(offset + -(-values // block) * size)
