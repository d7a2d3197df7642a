"""What the Pipecat services need of the engines."""

from typing import Protocol

from appliance.engines import Synthesizer, Transcriber
from appliance.errors import EngineError


class EngineProvider(Protocol):
    """The engines that answer now; a failing one is reported and replaced by the next."""

    @property
    def transcriber(self) -> Transcriber: ...

    @property
    def synthesizer(self) -> Synthesizer: ...

    def failed(self, engine: Transcriber | Synthesizer, error: EngineError) -> bool:
        """Steps down from a failed engine; True where another one takes its place."""
