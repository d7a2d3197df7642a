"""How much of a microphone is handed on at once. Pure.

Every piece of audio takes as many steps, whatever its length, and nobody speaks most of the
time. So only speech goes on packet by packet, for the sake of its pauses, and that only while few
speak. All else goes on as the windows that the voice detector judges, which never makes it later;
and what has been digital silence for long, as several of them: its first sound brings the rest
along.
"""

from appliance.audio.format import INPUT_RATE
from appliance.voice.turns.silero import WINDOW

SAMPLE_BYTES = 2
WINDOW_BYTES = WINDOW * SAMPLE_BYTES
LONG_SECONDS = 2.0  # longer than any turn is waited for
WINDOWS = 4  # of such silence


class PacketBatcher:
    """16 kHz mono PCM as it comes, in pieces to be handed on."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._silent_bytes = 0

    def take(self, pcm: bytes, *, at_once: bool) -> bytes:
        """What is to be handed on now, in the order in which it came; empty for nothing yet."""
        self._kept += pcm
        is_silent = pcm.count(0) == len(pcm)
        self._silent_bytes = self._silent_bytes + len(pcm) if is_silent else 0
        due = len(self._kept)
        if not at_once:
            due -= due % self._step
        ready = bytes(self._kept[:due])
        del self._kept[:due]
        return ready

    @property
    def _step(self) -> int:
        is_long = self._silent_bytes >= LONG_SECONDS * INPUT_RATE * SAMPLE_BYTES
        return WINDOWS * WINDOW_BYTES if is_long else WINDOW_BYTES
