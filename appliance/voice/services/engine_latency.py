"""Measured speed of the engines, and what may be asked of them ahead of need. Pure."""

from dataclasses import dataclass, field

# A transcription this fast may be begun at the first sign of silence, even while the engine is at
# work for others: most gaps inside a word are shorter than it, so it is withdrawn before anything
# is built upon it.
EAGER_SECONDS = 0.15
EAGER_MS = 5
# The silence after which a slower engine is asked: half of the gaps in fluent speech are shorter.
# While it is at work it is asked after the closure of a "t" or a "k": needless work keeps others
# waiting.
IDLE_MS = 20
BUSY_MS = 60
# Interim transcripts are made where they take no more than this share of the engine's time. They
# are given up at the next pause, but an engine slower than this would keep the pause waiting.
INTERIM_SHARE = 0.25
INTERIM_SECONDS = 0.6
LEAST_INTERIM_SECONDS = 0.5
# A real-time factor of synthesis (seconds of work per second of speech) at which the rest of an
# answer is ready before its first word is over.
QUICK_REAL_TIME_FACTOR = 0.15
# The weight of the latest measurement against those before it.
WEIGHT = 0.3


@dataclass(slots=True)
class EngineLatency:
    """Running means over all sessions, by the name of the engine."""

    _transcription_seconds: dict[str, float] = field(default_factory=dict)
    _real_time_factors: dict[str, float] = field(default_factory=dict)

    def add_transcription(self, engine: str, seconds: float) -> None:
        """Counts the transcription of one utterance."""
        _average(self._transcription_seconds, engine, seconds)

    def add_synthesis(self, engine: str, seconds: float, speech_seconds: float) -> None:
        """Counts the synthesis of so much speech."""
        if speech_seconds:
            _average(self._real_time_factors, engine, seconds / speech_seconds)

    def is_quick(self, engine: str) -> bool:
        """True where the voice may begin with a single word without a gap after it."""
        factor = self._real_time_factors.get(engine, QUICK_REAL_TIME_FACTOR)
        return factor < QUICK_REAL_TIME_FACTOR

    def pause_ms(self, engine: str, *, idle: bool) -> int:
        """The milliseconds of silence after which to transcribe ahead.

        `idle`: the engine is not at work. However slow it is, it then keeps nobody waiting, and
        work that turns out to be needless is abandoned (see `engines`).
        """
        if self._transcription_seconds.get(engine, EAGER_SECONDS) < EAGER_SECONDS:
            return EAGER_MS
        return IDLE_MS if idle else BUSY_MS

    def interim_seconds(self, engine: str) -> float | None:
        """The seconds of speech between interim transcripts; None where there should be none."""
        seconds = self._transcription_seconds.get(engine, INTERIM_SECONDS)
        if seconds >= INTERIM_SECONDS:
            return None
        return max(LEAST_INTERIM_SECONDS, seconds / INTERIM_SHARE)


def _average(means: dict[str, float], name: str, value: float) -> None:
    before = means.get(name, value)
    means[name] = before + WEIGHT * (value - before)
