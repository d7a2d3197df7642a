"""Closes WebSockets of peers that do not mask their frames, which RFC 6455 (5.1) demands.

A proxy that does not know WebSockets would take unmasked bytes for requests and answers of its own.
aiohttp reads them as if they were masked.
"""

from typing import Protocol

from aiohttp import WebSocketError, WSCloseCode, web

_MASKED = 0x80
_MASK_BYTES = 4
_EXTENDED = {126: 2, 127: 8}  # bytes of the length, where seven bits do not hold it


class FrameHeaders:
    """Follows the frames in a stream of bytes that comes in pieces. Pure."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._skip = 0

    def all_masked(self, data: bytes) -> bool:
        """Takes the next piece; False where a frame that begins in it is not masked."""
        at, end = 0, len(data)
        while at < end:
            if self._skip:
                skipped = min(self._skip, end - at)
                self._skip -= skipped
                at += skipped
                continue
            self._header.append(data[at])
            at += 1
            if len(self._header) < 2:
                continue
            if not self._header[1] & _MASKED:
                return False
            self._read_length()
        return True

    def _read_length(self) -> None:
        short = self._header[1] & ~_MASKED
        more = _EXTENDED.get(short, 0)
        if len(self._header) < 2 + more:
            return
        length = int.from_bytes(self._header[2:]) if more else short
        self._skip = _MASK_BYTES + length
        self._header.clear()


class _FrameReader(Protocol):
    """The reader of aiohttp, as its connection uses it."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]: ...

    def feed_eof(self) -> None: ...


class _MessageErrors(Protocol):
    """The queue of messages, as far as it takes an error in place of the next one."""

    def set_exception(self, exc: BaseException) -> None: ...


class _MaskedReader:
    """Passes bytes on to `reader` as long as all frames are masked."""

    def __init__(self, reader: _FrameReader, queue: _MessageErrors) -> None:
        self._reader = reader
        self._queue = queue
        self._headers = FrameHeaders()

    def check(self, data: bytes) -> bool:
        """Whether `data` may be read; if not, the next message is an error instead."""
        if self._headers.all_masked(data):
            return True
        fault = WebSocketError(WSCloseCode.PROTOCOL_ERROR, "the frames of a client are masked")
        self._queue.set_exception(fault)
        return False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        return self._reader.feed_data(data) if self.check(data) else (True, b"")

    def feed_eof(self) -> None:
        self._reader.feed_eof()


class MaskedWebSocketResponse(web.WebSocketResponse):
    """A WebSocket that ends with 1002 at the first frame that is not masked."""

    def _post_start(self, request: web.BaseRequest, *rest: object) -> None:
        # aiohttp has no place of its own for this: the reader is put between before bytes come,
        # and those that came together with the handshake are looked at first.
        connection = request.protocol
        early = connection._message_tail
        super()._post_start(request, *rest)  # type: ignore[arg-type]  # passed on as they come
        assert self._reader is not None
        reader = _MaskedReader(connection._payload_parser, self._reader)
        connection._payload_parser = reader
        reader.check(early)
