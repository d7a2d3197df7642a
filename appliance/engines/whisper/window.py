"""Windows of Whisper: how much audio to encode, and which of its results to believe. Pure.

Whisper was trained on windows of 30 s, padded with silence, and the encoder's cost is that of the
window. A command takes three seconds, so a window just long enough for it costs a tenth or less.
Much shorter windows cost accuracy and make the model repeat itself, hence the minimum and the
margin. A result that looks doubtful is decoded again with several beams, which finds words that
were lost in noise; one that still is, or that repeats itself, or was cut, in the full window.
"""

import math
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

FULL_WINDOW: Final = 30.0
"""Seconds."""
MIN_WINDOW: Final = 8.0
"""Seconds. No loss of accuracy was found from here upwards, and some well below."""
BEAMS: Final = 5
"""Of a second pass; OpenAI's number."""
_MARGIN: Final = 2.0
"""Seconds of silence at the end, by which the model knows that the text is complete."""
_STEP: Final = 2.0
"""Seconds. Utterances of nearly the same length share a window, and so a batch."""

_TOKENS_PER_SECOND, _TOKENS_PER_SECOND_FULL, _MAX_TOKENS = 10, 30, 224
"""Twice what the fastest speakers of English need. Scripts that take a token for every byte need
three times that, and get it in the full window. The maximum is Whisper's own: half its context."""
_NO_SPEECH, _NO_SPEECH_LIKELIHOOD = 0.6, -0.8
"""OpenAI's thresholds, except for the likelihood: theirs (-1) lets "Thank you." through."""
_UNLIKELY, _VERY_UNLIKELY = -0.3, -0.5
"""A text less likely than the first is worth a second pass, one less likely than the second after
that a pass in the full window, the dearest by far. Of twenty utterances in noise at 10 and 5 dB, 43
of 174 words are wrong with second passes below -0.4 alone, and 35 with both, as many as with beams
and the full window for all. Without noise, English is above -0.2."""
_LIKELIHOODS: Final = (_UNLIKELY, _VERY_UNLIKELY)
_REPETITIVE: Final = 2.4
"""OpenAI's threshold for text that is a loop."""
_FEWEST_REPEATS: Final = {1: 4, 2: 3}
"""How often a phrase of so many words is repeated in a loop, at the least; a longer one twice.
People say "no, no, no" and "thank you, thank you", but hardly ever a whole sentence twice without
a pause."""
_MOST_WORDS_PER_SECOND: Final = 5.0
"""Nobody says a word again and again faster than that; a loop has as many as fit."""
_WORDS = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_FEW_WORDS: Final = 2
"""What a model hallucinates from a breath is this short: "hello", "thank you"."""


@dataclass(frozen=True, slots=True)
class DecodedWindow:
    """The result of one window.

    `likelihood` is the mean log probability of a token, `tokens` their number; `no_speech` is the
    probability that nothing was said. `cut`: there would have been more tokens. `voiced` is False
    where nothing in the audio has a pitch. `windows` are the windows in seconds that it took to
    come to the result, the second one where the first looked doubtful. `seconds` is the length of
    the audio.
    """

    text: str
    language: str
    likelihood: float
    no_speech: float
    tokens: int
    cut: bool = False
    voiced: bool = True
    windows: tuple[float, ...] = ()
    seconds: float = 0.0


def window_seconds(seconds: float, min_window: float = MIN_WINDOW) -> float:
    """The length of the window for an utterance of `seconds`."""
    wanted = max(min_window, seconds + _MARGIN)
    return min(FULL_WINDOW, min_window + _STEP * math.ceil((wanted - min_window) / _STEP))


def max_tokens(seconds: float, *, full: bool) -> int:
    """The most tokens that an utterance of `seconds` can need: bounds the cost of a loop."""
    rate = _TOKENS_PER_SECOND_FULL if full else _TOKENS_PER_SECOND
    return min(8 + round(rate * seconds), _MAX_TOKENS)


def next_window(best: DecodedWindow, tried: Sequence[float]) -> float | None:
    """The window to decode in once more, with beams, or None where `best` will do.

    `tried` are the windows so far. A loop, or a text that was cut, comes from the short window; one
    that is merely unlikely is mostly as good in it, and a fraction of the work.
    """
    if FULL_WINDOW in tried[1:] or not is_doubtful(best, _LIKELIHOODS[len(tried) - 1]):
        return None
    is_misled = best.cut or has_loop(best) or len(tried) > 1
    return FULL_WINDOW if is_misled else tried[0]


def is_doubtful(decoded: DecodedWindow, likelihood: float = _UNLIKELY) -> bool:
    """Whether another pass may do better. Silence is not decoded twice."""
    if not decoded.text or _is_silent(decoded):
        return False
    return decoded.cut or decoded.likelihood < likelihood or has_loop(decoded)


def better(first: DecodedWindow, second: DecodedWindow) -> DecodedWindow:
    """The result of two passes that is to be believed."""
    loops = _is_looped(first), _is_looped(second)
    if loops == (False, True):
        return first
    if loops[0] or first.cut or not second.text:
        return second
    return second if second.likelihood >= first.likelihood else first


def _is_looped(decoded: DecodedWindow) -> bool:
    return has_loop(decoded) or _is_endless_loop(decoded)


def has_loop(decoded: DecodedWindow) -> bool:
    """Whether a phrase follows itself as often as a decoder in a loop has it: "X. X. X".

    A single word that there was time to say as often, as in "no, no, no, no", is none.
    """
    words = _WORDS.findall(decoded.text.lower())
    is_sayable = len(words) <= _MOST_WORDS_PER_SECOND * decoded.seconds
    return any(
        times >= _FEWEST_REPEATS.get(size, 2)
        for size, times in _repeats(words)
        if not (size == 1 and is_sayable)
    )


def _repeats(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The length of every phrase that follows itself, and how often it stands in a row."""
    for size in range(1, len(words) // 2 + 1):
        same = 0
        for place in range(size, len(words)):
            same = same + 1 if words[place] == words[place - size] else 0
            phrase = words[place - size + 1 : place + 1]
            # Four times the same word are not twice a phrase of two words.
            if same and same % size == 0 and (size == 1 or len(set(phrase)) > 1):
                yield size, 1 + same // size


def is_hallucinated(decoded: DecodedWindow) -> bool:
    """Whether the text was not said: made of silence, noise or a breath, or of a loop."""
    breath = not decoded.voiced and len(decoded.text.split()) <= _FEW_WORDS
    return breath or _is_silent(decoded) or _is_endless_loop(decoded)


def _is_silent(decoded: DecodedWindow) -> bool:
    return decoded.no_speech > _NO_SPEECH and decoded.likelihood < _NO_SPEECH_LIKELIHOOD


def _is_endless_loop(decoded: DecodedWindow) -> bool:
    """Whether the text compresses as only loops do, and is not one word that was said that often:
    eight times "no" in two seconds."""
    data = decoded.text.encode()
    if len(data) <= _REPETITIVE * len(zlib.compress(data)):
        return False
    words = _WORDS.findall(decoded.text.lower())
    is_sayable = len(words) <= _MOST_WORDS_PER_SECOND * decoded.seconds
    # The speaker's or the recording's end may leave of the last one its beginning: "no, no, n".
    if len(words) > 1 and words[0].startswith(words[-1]):
        words.pop()
    return not (is_sayable and decoded.voiced and len(set(words)) == 1)
