"""Decides by voice and words how long a pause must last to end a turn. Pure.

Smart-turn judges the voice. It takes some finished sentences for unfinished ones, and not
consistently: the same pause may be judged .93, .14 and .97 as it goes on. The words are the second
opinion. Where both are certain that the turn is over nothing waits; where they are not, the pause
decides, and is the longer the more speaks for a continuation.
"""

from dataclasses import dataclass
from typing import Final

from appliance.text.endings import Ending

COMPLETE: Final = 0.5
"""The probability above which smart-turn's verdict is "complete"."""
CERTAIN: Final = 0.9
"""The probability above which only words can speak against "complete". Two finished sentences of
three are above it, and one of three pauses within a sentence whose words do not show that it goes
on."""
PROBABLE: Final = 0.8
PROBABLE_SECONDS: Final = 0.35
"""The pause after which whole words end a turn whose voice is all but certain."""
UNCERTAIN_SECONDS: Final = 0.55
"""The pause after which whole words end a turn of which the voice is not certain: not yet felt as a
wait, and as long as half of the pauses within sentences."""
CONTRADICTED_SECONDS: Final = 1.0
"""The pause after which a voice ends a turn whose words are unfinished, or words one that nobody
has judged by its voice: longer than nearly all pauses within a sentence."""


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """The shortest and the longest pause, in seconds, that ends a turn."""

    shortest: float
    longest: float


@dataclass(frozen=True, slots=True)
class TurnEvidence:
    """What is known of a pause.

    `probabilities` are smart-turn's verdicts on it, in order; `ending` is the verdict on the words
    of the whole turn. `is_command`: the words are a spoken sentence of a tool, word for word.
    """

    probabilities: tuple[float, ...] = ()
    ending: Ending = Ending.UNKNOWN
    is_command: bool = False


def pause_seconds(evidence: TurnEvidence, limits: TurnLimits) -> float:
    """How many seconds of silence end the turn, as far as is known; between the two limits."""
    return max(limits.shortest, min(limits.longest, _pause(evidence, limits)))


def _pause(evidence: TurnEvidence, limits: TurnLimits) -> float:
    if evidence.is_command:
        return limits.shortest
    highest = max(evidence.probabilities, default=0.0)
    match evidence.ending:
        case Ending.DICTATED:
            return limits.longest
        case Ending.UNFINISHED:
            return CONTRADICTED_SECONDS if highest > COMPLETE else limits.longest
        case Ending.FINISHED if highest > CERTAIN:
            return limits.shortest
        case Ending.FINISHED if highest > PROBABLE:
            return PROBABLE_SECONDS
        case Ending.FINISHED | Ending.DOUBTFUL:
            return UNCERTAIN_SECONDS if evidence.probabilities else CONTRADICTED_SECONDS
        case Ending.UNKNOWN:
            if highest > CERTAIN:
                return limits.shortest
            return UNCERTAIN_SECONDS if highest > COMPLETE else limits.longest
