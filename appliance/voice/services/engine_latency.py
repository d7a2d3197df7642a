"""How fast the engine that listens has been lately: what may be asked of it ahead of need. Pure."""

from dataclasses import dataclass, field

# A transcription this fast may be begun at the first sign of silence and thrown away again: most
# gaps inside a word are shorter than it, so it is withdrawn before anything is built upon it.
EAGER_SECONDS = 0.15
EAGER_MS = 5
# What is said is shown while it is being said where that takes no more than this share of the
# engine's time, and never so long that the end of the utterance would have to wait for it.
INTERIM_SHARE = 0.25
INTERIM_SECONDS = 0.15
LEAST_INTERIM_SECONDS = 0.5
# The silence after which a slower engine is asked: sooner would be the closure of a "t" or a
# "k", and what a busy engine does for nothing keeps others waiting.
SLOW_MS = 100
# One that takes this long, alone or because of a crowd, is asked once: at the end of speech.
LATE_SECONDS = 0.4
LATE_MS = 200
# A voice this fast, in seconds to make a second of speech, has the rest of an answer ready before
# its first word is over.
QUICK_VOICE = 0.15
# How much the latest transcription weighs against those before it.
WEIGHT = 0.3


@dataclass(slots=True)
class EngineLatency:
    """Running means over all sessions, per engine: seconds to transcribe an utterance, seconds
    to make a second of speech."""

    _seconds: dict[str, float] = field(default_factory=dict)
    _real_time: dict[str, float] = field(default_factory=dict)

    def took(self, engine: str, seconds: float) -> None:
        _average(self._seconds, engine, seconds)

    def spoke(self, engine: str, seconds: float, of_speech: float) -> None:
        if of_speech:
            _average(self._real_time, engine, seconds / of_speech)

    def is_quick(self, voice: str) -> bool:
        """Whether the voice may begin with a single word without a gap after it."""
        return self._real_time.get(voice, QUICK_VOICE) < QUICK_VOICE

    def patience_ms(self, engine: str) -> int:
        """How many milliseconds of silence to wait for before transcribing ahead."""
        seconds = self._seconds.get(engine, EAGER_SECONDS)
        if seconds < EAGER_SECONDS:
            return EAGER_MS
        return SLOW_MS if seconds < LATE_SECONDS else LATE_MS

    def interim_seconds(self, engine: str) -> float | None:
        """How much more has to be said before it is shown; None where that is not affordable."""
        seconds = self._seconds.get(engine, INTERIM_SECONDS)
        if seconds >= INTERIM_SECONDS:
            return None
        return max(LEAST_INTERIM_SECONDS, seconds / INTERIM_SHARE)


def _average(means: dict[str, float], name: str, value: float) -> None:
    before = means.get(name, value)
    means[name] = before + WEIGHT * (value - before)
