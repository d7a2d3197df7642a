"""A session's WebSocket as a Pipecat transport.

    Socket ─► SocketInput (validate, limit, batch) ─► pipeline
           ─► SocketOutput (pace, hold) ─► SendQueue ─► Socket

The transport never waits for a client that does not read: its audio is dropped and counted,
messages are queued up to a bound, past which the client is disconnected.
"""

import logging
from collections.abc import Callable
from typing import Any

from pipecat.observers.base_observer import FramePushed
from pipecat.processors.frameworks.rtvi import RTVIObserver, RTVIObserverParams, RTVIProcessor
from pipecat.processors.frameworks.rtvi.models import RawClientMessageData, SendTextData
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pydantic import BaseModel

from appliance import wire
from appliance.voice.transport.input import DRAIN_SECONDS, SocketInput
from appliance.voice.transport.output import SocketOutput
from appliance.voice.transport.send_queue import SendQueue, TransportCallbacks
from appliance.voice.transport.taken_texts import ConversationTexts

log = logging.getLogger(__name__)

CHUNK_10MS = 2


class SocketTransport(BaseTransport):
    """Both directions of one client's socket. Used once.

    What is left in `send_queue` at the end is written by the next transport of the same client.
    `texts` are the typed texts of its conversation.
    """

    def __init__(
        self,
        socket: wire.Socket,
        send_queue: SendQueue,
        callbacks: TransportCallbacks,
        texts: ConversationTexts,
    ) -> None:
        super().__init__()
        params = TransportParams(
            audio_out_enabled=True,
            audio_out_10ms_chunks=CHUNK_10MS,
            audio_out_end_silence_secs=0,
        )
        self._socket = socket
        self.send_queue = send_queue
        self.texts = texts
        self._input = SocketInput(socket, send_queue, callbacks, params)
        self._output = SocketOutput(send_queue, callbacks, params)

    def input(self) -> SocketInput:
        return self._input

    def output(self) -> SocketOutput:
        return self._output

    def send_message(self, message: wire.ServerMessage) -> None:
        """Sends a message of the appliance's own past the pipeline."""
        self.send_queue.put_message(wire.server_message(message))

    def interrupt(self) -> None:
        """Silences the client without waiting for the pipeline."""
        self.send_queue.interrupt()

    async def close(self, code: int, reason: str) -> None:
        """Writes what is queued, for half a second at most, and closes the socket."""
        await self.send_queue.drain(DRAIN_SECONDS)
        await self._socket.close(code, reason)


class RTVIOutbox(RTVIProcessor):
    """Pipecat's RTVI processor, except that it passes its messages to `send`, that `stop` silences
    the assistant, and that a typed text among `texts` becomes no second turn.

    It stands before the microphone, and a turn has some seventy messages: each would pass every
    processor on its way to the output.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None], texts: ConversationTexts) -> None:
        super().__init__()
        self._send = send
        self._texts = texts

    def create_rtvi_observer(
        self,
        *,
        params: RTVIObserverParams | None = None,
        **kwargs: Any,  # noqa: ANN401  Pipecat's signature
    ) -> RTVIObserver:
        return LastingObserver(self, params=params, **kwargs)

    async def _handle_send_text(
        self, data: SendTextData, message_id: str, user_id: str | None = None
    ) -> None:
        if self._texts.knows(message_id):
            return
        await super()._handle_send_text(data, message_id, user_id)
        self._texts.add(message_id)

    async def _handle_client_message(self, msg_id: str, data: RawClientMessageData) -> None:
        if data.t == wire.STOP:
            await self.interrupt_bot()
            return
        await super()._handle_client_message(msg_id, data)

    async def push_transport_message(self, model: BaseModel, exclude_none: bool = True) -> None:
        self._send(model.model_dump(exclude_none=exclude_none))


class LastingObserver(RTVIObserver):
    """Pipecat's RTVI observer, except that a frame it cannot report does not end it.

    Its task would end with the exception, and the page would see nothing more of the session.
    """

    async def on_push_frame(self, data: FramePushed) -> None:
        try:
            await super().on_push_frame(data)
        except Exception:  # boundary of a frame: the page misses it, and sees the next
            log.exception("a frame could not be reported to the page: %s", data.frame.name)
