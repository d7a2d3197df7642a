"""Keeps what was said in the open turn before its latest pause, to be heard again with the rest.

A recogniser that hears "ten minutes" alone does worse than one that hears "Set a timer for … ten
minutes", most of all in noise. So the speech before a pause is transcribed together with what
follows it, and only the words that follow are new. Pure.
"""

from dataclasses import dataclass
from typing import Final

from appliance.audio.format import INPUT_RATE
from appliance.text.continuation import continuation

LONGEST_SECONDS: Final = 8.0
"""Whisper's window is at least as long, so that a short turn costs no more for being heard again;
a long one is understood by its last parts."""


@dataclass(frozen=True, slots=True)
class EarlierSpeech:
    """The segments of the open turn, oldest first: 16 kHz PCM, and the words heard in it."""

    segments: tuple[tuple[bytes, str], ...] = ()

    def followed_by(self, audio: bytes, words: str) -> "EarlierSpeech":
        """The same with a segment after it; the oldest are left out where it grows too long."""
        segments = (*self.segments, (audio, words))
        while sum(len(pcm) for pcm, _ in segments) > 2 * LONGEST_SECONDS * INPUT_RATE:
            segments = segments[1:]
        return EarlierSpeech(segments)

    @property
    def audio(self) -> bytes:
        return b"".join(pcm for pcm, _ in self.segments)

    def new_words(self, transcript: str) -> str:
        """What a transcript of this speech and a segment after it says beyond the words known."""
        known = " ".join(words for _, words in self.segments)
        return continuation(known, transcript) if known else transcript
