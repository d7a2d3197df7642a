"""Measured speed of the engines, and what may be asked of them ahead of need. Pure."""

from dataclasses import astuple, dataclass, field

from appliance.text.pieces import SpeechCost

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
# The weight of the latest measurement against those before it.
WEIGHT = 0.3
# How much of an engine's mean real-time factor grows with the length of a piece, until pieces of
# different lengths tell: Kokoro's share, and the variance (seconds squared) that outweighs it.
GROWING_SHARE = 0.75
PRIOR_VARIANCE = 0.1


@dataclass(frozen=True, slots=True)
class _Synthesis:
    """Running means over the pieces that an engine has spoken, in seconds.

    `expected` is the sound that was expected by the text, `first_chunk` the work until the first
    sound of a piece.
    """

    work: float
    sound: float
    expected: float
    first_chunk: float
    sound_squared: float
    sound_by_work: float

    def moved_to(self, latest: "_Synthesis") -> "_Synthesis":
        """The means after one more piece."""
        before, after = astuple(self), astuple(latest)
        return _Synthesis(*(a + WEIGHT * (b - a) for a, b in zip(before, after, strict=True)))

    def cost(self, speed: float, *, streams: bool) -> SpeechCost:
        """The cost of a piece by the least squares of work against sound."""
        mean_factor = self.work / self.sound
        variance = max(0.0, self.sound_squared - self.sound**2)
        covariance = self.sound_by_work - self.sound * self.work
        prior = GROWING_SHARE * mean_factor * PRIOR_VARIANCE
        slope = (covariance + prior) / (variance + PRIOR_VARIANCE)
        slope = max(0.0, min(slope, mean_factor))
        start = self.work - slope * self.sound
        if streams:
            start = self.first_chunk
            slope = max(0.0, self.work - start) / self.sound
        return SpeechCost(
            start_seconds=start,
            real_time_factor=slope,
            streams=streams,
            sound_scale=self.sound / self.expected / speed,
        )


@dataclass(slots=True)
class EngineLatency:
    """Running means over all sessions, by the name of the engine."""

    _transcription_seconds: dict[str, float] = field(default_factory=dict)
    _syntheses: dict[str, _Synthesis] = field(default_factory=dict)

    def add_transcription(self, engine: str, seconds: float) -> None:
        """Counts the transcription of one utterance."""
        _average(self._transcription_seconds, engine, seconds)

    def add_synthesis(
        self,
        engine: str,
        seconds: float,
        sound: float,
        *,
        expected: float | None = None,
        first_chunk: float | None = None,
    ) -> None:
        """Counts a piece: the seconds that it took, and those of its sound.

        `expected` is the sound by `prosody.speech_seconds` at the voice's speed, `first_chunk` the
        time until the first sound; without them the sound was as expected, and came as a whole.
        """
        if sound <= 0 or expected == 0:
            return
        latest = _Synthesis(
            work=seconds,
            sound=sound,
            expected=sound if expected is None else expected,
            first_chunk=seconds if first_chunk is None else first_chunk,
            sound_squared=sound**2,
            sound_by_work=sound * seconds,
        )
        means = self._syntheses.get(engine, latest)
        self._syntheses[engine] = means.moved_to(latest)

    def speech_cost(self, engine: str, *, streams: bool, speed: float = 1.0) -> SpeechCost:
        """What a piece of speech costs the engine; that of a slow one while it is unmeasured.

        `speed` is the voice's rate of speech.
        """
        means = self._syntheses.get(engine)
        if means is None:
            return SpeechCost(streams=streams, sound_scale=1 / speed)
        return means.cost(speed, streams=streams)

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
