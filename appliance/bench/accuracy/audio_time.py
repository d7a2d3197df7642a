"""Takes turns at audio time: by the daemon's own parts, without its clocks, whatever the load is.

A clip is fed to the voice detector as fast as that can work; smart-turn and the transcriber take no
time of it. What ends a turn is what ends it in a session: the silence that `end_of_turn` asks for,
given what smart-turn makes of the voice and `endings` of the words. Stock Pipecat decides by
smart-turn's one look at the end of speech, or after three seconds. Imported late: it needs Pipecat.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from pipecat.audio.turn.smart_turn.base_smart_turn import STOP_SECS
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState

from appliance.audio.format import INPUT_RATE
from appliance.bench.accuracy.clips import Clip
from appliance.bench.accuracy.turn_outcome import Heard
from appliance.client import PACKET_SECONDS, packets
from appliance.config.schema import TurnConfig
from appliance.text.endings import Ending, ending
from appliance.voice.services.earlier_speech import EarlierSpeech
from appliance.voice.services.stt import LEAD_IN_SECONDS
from appliance.voice.turns.end_of_turn import (
    CERTAIN,
    COMPLETE,
    TurnEvidence,
    TurnLimits,
    pause_seconds,
)
from appliance.voice.turns.shared_models import TurnModels
from appliance.voice.turns.smart_turn import AGAIN_AFTER_MS, AHEAD_AFTER_MS
from appliance.voice.turns.vad import vad_params

Transcribe = Callable[[bytes, str], Awaitable[str]]
IsCommand = Callable[[str], bool]
Decide = Callable[[TurnEvidence], float]
"""The silence in seconds that ends a turn, as far as is known."""

_BEFORE_SECONDS: Final = 0.5
_JUDGED_SECONDS: Final = 8.0
"""How much smart-turn hears: so much before the speech, and no more than that in all."""
_SILENCE: Final = bytes(2 * 4 * INPUT_RATE)
"""Follows a clip, as it does through the door: longer than any silence that ends a turn."""


@dataclass(frozen=True, slots=True)
class TurnTaking:
    """The ways in which one server takes turns.

    `looks` are the silences in seconds at which smart-turn judges, `decide` what ends a turn.
    """

    params: VADParams
    looks: tuple[float, ...]
    decide: Decide


def our_turn_taking(config: TurnConfig) -> TurnTaking:
    """As a session has it."""
    stop, limits = config.stop_seconds, TurnLimits(config.stop_seconds, config.incomplete_seconds)
    ahead = (ms / 1000 for ms in AHEAD_AFTER_MS)
    again = (stop + ms / 1000 for ms in AGAIN_AFTER_MS)
    return TurnTaking(
        vad_params(config), (*ahead, stop, *again), lambda known: pause_seconds(known, limits)
    )


def stock_turn_taking() -> TurnTaking:
    """As Pipecat has it by default."""
    params = VADParams()

    def decide(known: TurnEvidence) -> float:
        is_complete = any(each > COMPLETE for each in known.probabilities)
        return params.stop_secs if is_complete else STOP_SECS

    return TurnTaking(params, (params.stop_secs,), decide)


@dataclass(slots=True)
class _Turn:
    """The turn that is open: where its audio begins, its words, and the present pause."""

    begin: float
    segment: float
    words: list[str] = field(default_factory=list)
    earlier: EarlierSpeech = field(default_factory=EarlierSpeech)
    pause_begin: float | None = None
    probabilities: list[float] = field(default_factory=list)

    def resume(self, segment: float) -> None:
        self.segment, self.pause_begin = segment, None
        self.probabilities.clear()


class AudioTimeListener:
    """Takes the turns of clips, one after the other."""

    def __init__(self, models: TurnModels, transcribe: Transcribe, is_command: IsCommand) -> None:
        self._models = models
        self._transcribe = transcribe
        self._is_command = is_command

    async def hear(self, clip: Clip, ways: TurnTaking) -> Heard:
        """The words of all turns, and when they began and ended."""
        vad: VADAnalyzer = self._models.vad(ways.params)
        turn: _Turn | None = None
        speaking = False
        words: list[str] = []
        starts: list[float] = []
        stops: list[float] = []
        for number, packet in enumerate(packets(clip.pcm + _SILENCE), 1):
            now = number * PACKET_SECONDS
            state = await vad.analyze_audio(packet)
            begins = state == VADState.SPEAKING and not speaking
            ends = state == VADState.QUIET and speaking
            speaking = (speaking or begins) and not ends
            if begins:
                segment = max(0.0, now - ways.params.start_secs - LEAD_IN_SECONDS)
                if turn is None:
                    starts.append(now)
                    turn = _Turn(max(0.0, segment - _BEFORE_SECONDS + LEAD_IN_SECONDS), segment)
                else:
                    turn.resume(segment)
            elif ends and turn is not None:
                await self._pause(clip, turn, now, ways)
            if turn is not None and not speaking and self._is_over(clip, turn, now, ways):
                if turn.words:
                    stops.append(now)
                words += turn.words
                turn = None
        return Heard(" ".join(words), tuple(starts), tuple(stops))

    async def _pause(self, clip: Clip, turn: _Turn, now: float, ways: TurnTaking) -> None:
        """The voice detector is sure of a pause: smart-turn has looked, the words are known."""
        turn.pause_begin = now - ways.params.stop_secs
        for look in ways.looks:
            if look <= ways.params.stop_secs:
                self._look(clip, turn, turn.pause_begin + look)
        speech = _between(clip.pcm, turn.segment, now)
        heard = await self._transcribe(turn.earlier.audio + speech, clip.language)
        if text := turn.earlier.new_words(heard):
            turn.words.append(text)
            turn.earlier = turn.earlier.followed_by(speech, text)

    def _is_over(self, clip: Clip, turn: _Turn, now: float, ways: TurnTaking) -> bool:
        if turn.pause_begin is None:
            return False
        if not turn.words:  # nothing was said
            return True
        silence = now - turn.pause_begin
        for look in ways.looks:
            if ways.params.stop_secs < look <= silence < look + PACKET_SECONDS:
                self._look(clip, turn, now)
        return silence >= ways.decide(self._evidence(clip, turn)) - PACKET_SECONDS / 2

    def _evidence(self, clip: Clip, turn: _Turn) -> TurnEvidence:
        text = " ".join(turn.words)
        verdict: Ending = ending(text, clip.language)
        is_command = self._is_command(turn.words[-1])
        return TurnEvidence(tuple(turn.probabilities), verdict, is_command)

    def _look(self, clip: Clip, turn: _Turn, until: float) -> None:
        """Has smart-turn judge the turn so far, unless it is certain already."""
        if any(each > CERTAIN for each in turn.probabilities):
            return
        begin = max(turn.begin, until - _JUDGED_SECONDS)
        samples = np.frombuffer(_between(clip.pcm, begin, until), "<i2").astype(np.float32) / 32768
        judged = self._models.smart_turn.predict(samples)
        turn.probabilities.append(float(judged["probability"]))


def _between(pcm: bytes, begin: float, end: float) -> bytes:
    def position(seconds: float) -> int:
        return 2 * round(max(0.0, seconds) * INPUT_RATE)

    return pcm[position(begin) : position(end)]
