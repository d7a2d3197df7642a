"""RTVI messages on their way to the client."""

from collections.abc import Callable
from typing import Any

from pipecat.processors.frameworks.rtvi import RTVIProcessor
from pydantic import BaseModel


class RTVIOutbox(RTVIProcessor):
    """Pipecat's RTVI processor, except that it passes its messages to `send`.

    It stands before the microphone, and a turn has some seventy messages: each would pass every
    processor on its way to the output.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._send = send

    async def push_transport_message(self, model: BaseModel, exclude_none: bool = True) -> None:
        self._send(model.model_dump(exclude_none=exclude_none))
