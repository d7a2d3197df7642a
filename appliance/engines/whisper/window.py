"""How much audio Whisper looks at, and what of its answer can be believed. Pure.

Whisper was trained on windows of 30 s, filled up with silence, and the encoder's cost is that of
the window. A command takes three seconds, so a window just long enough for it costs a tenth or
less. Far shorter ones cost accuracy and make it repeat itself, hence the floor and the margin;
what looks doubtful from a short window is heard again in the full one.
"""

import math
import zlib
from dataclasses import dataclass
from typing import Final

FULL: Final = 30.0
"""Seconds."""
FLOOR: Final = 8.0
"""Seconds; no loss of accuracy was found from here upwards, and some well below."""
_MARGIN: Final = 2.0
"""Seconds of silence at the end, by which the model knows that the text is complete."""
_STEP: Final = 2.0
"""Seconds; utterances of nearly the same length share a window, and so a batch."""

_TOKENS_A_SECOND, _TOKENS_A_SECOND_AGAIN, _MOST_TOKENS = 10, 30, 224
"""Twice what the fastest speakers of English need. Scripts that take a token for every byte need
three times that; they get it at the second hearing. Whisper's own bound is half its context."""
_NO_SPEECH, _NO_SPEECH_LIKELIHOOD = 0.6, -0.8
"""OpenAI's bounds, but for the likelihood (-1), which lets "Thank you." through."""
_UNLIKELY, _REPETITIVE = -1.0, 2.4
"""OpenAI's bounds for text that is worth another try."""
_FEW_WORDS: Final = 2
"""What a model imagines in a breath is this short: "hello", "thank you"."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one window came to.

    `likelihood` is the mean log probability of a token, `tokens` their number; `cut` where there
    would have been more; `voiced` False where nothing in the audio has a pitch.
    """

    text: str
    language: str
    likelihood: float
    no_speech: float
    tokens: int
    cut: bool = False
    voiced: bool = True


def window(seconds: float, floor: float = FLOOR) -> float:
    """The window for an utterance of that length, in seconds, at most the full one."""
    wanted = max(floor, seconds + _MARGIN)
    return min(FULL, floor + _STEP * math.ceil((wanted - floor) / _STEP))


def token_bound(seconds: float, *, full: bool) -> int:
    """The most tokens that an utterance of that length can need; bounds what a loop costs."""
    rate = _TOKENS_A_SECOND_AGAIN if full else _TOKENS_A_SECOND
    return min(8 + round(rate * seconds), _MOST_TOKENS)


def doubtful(decoded: Decoded) -> bool:
    """Whether the full window may do better. Silence is not heard twice."""
    if not decoded.text or _silent(decoded):
        return False
    return decoded.cut or decoded.likelihood < _UNLIKELY or _repetitive(decoded.text)


def imagined(decoded: Decoded) -> bool:
    """Whether the text is the model's own: from silence, from noise, from a breath, in a loop."""
    breath = not decoded.voiced and len(decoded.text.split()) <= _FEW_WORDS
    return breath or _silent(decoded) or _repetitive(decoded.text)


def _silent(decoded: Decoded) -> bool:
    return decoded.no_speech > _NO_SPEECH and decoded.likelihood < _NO_SPEECH_LIKELIHOOD


def _repetitive(text: str) -> bool:
    """Whether it compresses as only loops do."""
    data = text.encode()
    return len(data) > _REPETITIVE * len(zlib.compress(data))
