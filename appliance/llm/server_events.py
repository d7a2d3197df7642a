"""Reads the JSON objects of a streamed completion from the bytes of its body. Pure.

The body is a series of server-sent events (the WHATWG HTML standard, section 9.2). Servers also
send events without the empty line between them, lines of bare JSON, and one JSON object for the
whole answer; all are read.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

DONE: Final = "[DONE]"
MOST_JSON_LINES: Final = 500
"""Each line of an object is a try to read it."""
_LINE_END = re.compile(rb"\r\n|\n|\r")


class BadStream(ValueError):
    """A server sent something that is no answer: bad JSON, an error, or too much."""


class EventReader:
    """Reads the objects of one answer. Raises BadStream.

    `line_bytes` is the longest line, or object, that is read.
    """

    def __init__(self, line_bytes: int) -> None:
        self._line_bytes = line_bytes
        self._bytes = bytearray()
        self._after_return = False
        self._json = ""
        self._json_lines = 0
        self._event = ""
        self.done = False

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The objects that are complete with these bytes."""
        if self._after_return and data.startswith(b"\n"):
            data = data[1:]
        self._after_return = data.endswith(b"\r")
        *lines, rest = _LINE_END.split(data)
        for line in lines:
            self._bytes += line
            whole = bytes(self._bytes)
            self._bytes.clear()
            yield from self._line(whole)
        self._bytes += rest
        if len(self._bytes) > self._line_bytes:
            raise BadStream(f"a line is longer than {self._line_bytes} bytes")

    def end(self) -> Iterator[dict[str, Any]]:
        """The object that no line end follows. Raises BadStream where it is cut off."""
        rest = bytes(self._bytes)
        self._bytes.clear()
        yield from self._line(rest)
        yield from self._line(b"")

    def _line(self, raw: bytes) -> Iterator[dict[str, Any]]:
        if self.done:
            return
        line = raw.decode("utf-8", "replace").removeprefix("\ufeff")
        if not line.strip():
            if self._json:
                raise BadStream(f"no JSON: {self._json[:80]!r}")
            self._event = ""
            return
        if line.startswith(":"):  # a comment, by which the server keeps the connection alive
            return
        name, colon, value = line.partition(":")
        if name.strip() == "data" and colon:
            yield from self._data(value.strip())
        elif name.strip() == "event" and not self._json:
            self._event = value.strip()
        elif self._json or line.lstrip().startswith("{"):
            yield from self._data(line)

    def _data(self, text: str) -> Iterator[dict[str, Any]]:
        if text.startswith(DONE):
            self.done = True
            return
        self._json = f"{self._json}\n{text}" if self._json else text
        self._json_lines += 1
        if len(self._json) > self._line_bytes or self._json_lines > MOST_JSON_LINES:
            raise BadStream(f"an object is longer than {self._line_bytes} bytes")
        try:
            value = json.loads(self._json)
        except ValueError:
            return  # the next line may complete it
        except RecursionError:
            raise BadStream("JSON that is nested too deeply") from None
        self._json, self._json_lines = "", 0
        if isinstance(value, dict):
            _raise_error(value, is_error=self._event == "error")
            yield value


def _raise_error(value: dict[str, Any], *, is_error: bool) -> None:
    """Raises the error that a server sends in the place of a chunk."""
    is_error |= value.get("object") == "error" or value.get("type") == "error"
    error = value.get("error") or (value.get("detail") if "choices" not in value else None)
    if error is None and is_error:
        error = value
    if not error:
        return
    text = error.get("message") if isinstance(error, dict) else error
    raise BadStream(f"the server reports: {str(text or error)[:200]}")
