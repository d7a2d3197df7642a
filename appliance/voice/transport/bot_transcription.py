"""The transcription of an answer, as clients without a page of their own show it.

Pipecat sends the model's text sentence by sentence as `bot-transcription`, with its Markdown, and
keeps a last sentence without a full stop for the next answer.
"""

from collections.abc import Callable, Mapping
from typing import Any

from appliance.text.normalize import Prose
from appliance.wire import LABEL


class BotTranscription:
    """Passes RTVI messages on, with transcriptions of its own in the place of Pipecat's.

    Each is a sentence without markup; blocks of code are left out, as `bot-llm-text` has them. The
    rest of an answer is sent when it ends.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self._send = send
        self._prose = Prose()
        self._written = ""

    def put(self, message: dict[str, Any]) -> None:
        """The next message of Pipecat's."""
        match message.get("type"):
            case "bot-llm-started":
                self._prose, self._written = Prose(), ""
            case "bot-llm-text":
                self._written += _text_of(message)
            case "bot-transcription":
                self._transcribe()
                return
            case "bot-llm-stopped":
                self._transcribe()
        self._send(message)

    def _transcribe(self) -> None:
        text, self._written = self._prose.fragment(self._written).strip(), ""
        if text:
            self._send({"label": LABEL, "type": "bot-transcription", "data": {"text": text}})


def _text_of(message: Mapping[str, Any]) -> str:
    data = message.get("data")
    return str(data.get("text", "")) if isinstance(data, dict) else ""
