"""Windows of Whisper: how much audio to encode, and which of its results to believe. Pure.

Whisper was trained on windows of 30 s, padded with silence, and the encoder's cost is that of the
window. A command takes three seconds, so a window just long enough for it costs a tenth or less.
Much shorter windows cost accuracy and make the model repeat itself, hence the minimum and the
margin; a result that looks doubtful in a short window is decoded again in the full one.
"""

import math
import zlib
from dataclasses import dataclass
from typing import Final

FULL_WINDOW: Final = 30.0
"""Seconds."""
MIN_WINDOW: Final = 8.0
"""Seconds. No loss of accuracy was found from here upwards, and some well below."""
_MARGIN: Final = 2.0
"""Seconds of silence at the end, by which the model knows that the text is complete."""
_STEP: Final = 2.0
"""Seconds. Utterances of nearly the same length share a window, and so a batch."""

_TOKENS_PER_SECOND, _TOKENS_PER_SECOND_FULL, _MAX_TOKENS = 10, 30, 224
"""Twice what the fastest speakers of English need. Scripts that take a token for every byte need
three times that, and get it in the full window. The maximum is Whisper's own: half its context."""
_NO_SPEECH, _NO_SPEECH_LIKELIHOOD = 0.6, -0.8
"""OpenAI's thresholds, except for the likelihood: theirs (-1) lets "Thank you." through."""
_UNLIKELY, _REPETITIVE = -1.0, 2.4
"""OpenAI's thresholds for text that is worth another try."""
_FEW_WORDS: Final = 2
"""What a model hallucinates from a breath is this short: "hello", "thank you"."""


@dataclass(frozen=True, slots=True)
class DecodedWindow:
    """The result of one window.

    `likelihood` is the mean log probability of a token, `tokens` their number; `no_speech` is the
    probability that nothing was said. `cut`: there would have been more tokens. `voiced` is False
    where nothing in the audio has a pitch. `windows` are the windows in seconds that it took to
    come to the result, the second one where the first looked doubtful.
    """

    text: str
    language: str
    likelihood: float
    no_speech: float
    tokens: int
    cut: bool = False
    voiced: bool = True
    windows: tuple[float, ...] = ()


def window_seconds(seconds: float, min_window: float = MIN_WINDOW) -> float:
    """The length of the window for an utterance of `seconds`."""
    wanted = max(min_window, seconds + _MARGIN)
    return min(FULL_WINDOW, min_window + _STEP * math.ceil((wanted - min_window) / _STEP))


def max_tokens(seconds: float, *, full: bool) -> int:
    """The most tokens that an utterance of `seconds` can need: bounds the cost of a loop."""
    rate = _TOKENS_PER_SECOND_FULL if full else _TOKENS_PER_SECOND
    return min(8 + round(rate * seconds), _MAX_TOKENS)


def is_doubtful(decoded: DecodedWindow) -> bool:
    """Whether the full window may do better. Silence is not decoded twice."""
    if not decoded.text or _is_silent(decoded):
        return False
    return decoded.cut or decoded.likelihood < _UNLIKELY or _is_repetitive(decoded.text)


def is_hallucinated(decoded: DecodedWindow) -> bool:
    """Whether the text was not said: made of silence, noise or a breath, or of a loop."""
    breath = not decoded.voiced and len(decoded.text.split()) <= _FEW_WORDS
    return breath or _is_silent(decoded) or _is_repetitive(decoded.text)


def _is_silent(decoded: DecodedWindow) -> bool:
    return decoded.no_speech > _NO_SPEECH and decoded.likelihood < _NO_SPEECH_LIKELIHOOD


def _is_repetitive(text: str) -> bool:
    """Whether the text compresses as only loops do."""
    data = text.encode()
    return len(data) > _REPETITIVE * len(zlib.compress(data))
