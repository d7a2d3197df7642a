"""Voice activity on the shared model is that of Pipecat's analyzer; pauses are reported early."""

import asyncio
import random
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams, VADState

from appliance.config.loader import load
from appliance.voice.turns.shared_models import TurnModels
from appliance.voice.turns.silero import Array, SileroModel
from appliance.voice.turns.vad import WINDOW_MS, vad_params
from tests.daemon import LEAD_IN, speech

AUDIO = Path(__file__).parents[2] / "fixtures" / "audio"
PACKET = 640


@pytest.fixture(scope="module")
def models() -> Iterator[TurnModels]:
    loaded = TurnModels.load()
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def sentences() -> bytes:
    """Eighteen seconds of six sentences."""
    with wave.open(str(AUDIO / "harvard.wav")) as file:
        assert file.getframerate() == 16_000
        return bytes(file.readframes(file.getnframes()))


@dataclass
class Pauses:
    """The reported lengths of the present pause, and how many pauses speech followed."""

    lasted: list[float] = field(default_factory=list)
    resumed: int = 0

    def pause_lasted(self, milliseconds: float) -> None:
        self.lasted.append(milliseconds)

    def speech_resumed(self) -> None:
        self.resumed += 1
        self.lasted.clear()


def packets(pcm: bytes) -> list[bytes]:
    return [pcm[i : i + PACKET] for i in range(0, len(pcm), PACKET)]


async def test_the_states_are_those_of_pipecats_analyzer(
    models: TurnModels, sentences: bytes
) -> None:
    # Without the volume, whose way up is our own.
    params = VADParams(min_volume=0.0)
    ours, theirs = models.vad(params), SileroVADAnalyzer(params=params)
    theirs.set_sample_rate(16_000)
    heard: set[VADState] = set()
    for packet in packets(sentences):
        state = await ours.analyze_audio(packet)
        assert state == await theirs.analyze_audio(packet)
        heard.add(state)
    await theirs.cleanup()
    assert {VADState.SPEAKING, VADState.QUIET} <= heard


async def test_speech_after_digital_silence_is_noticed_as_soon_as_in_a_room(
    models: TurnModels,
) -> None:
    murmur = random.Random(1)
    room = b"".join(
        round(murmur.gauss(0, 100)).to_bytes(2, "little", signed=True) for _ in range(32_000)
    )

    async def packets_until_noticed(before: bytes) -> int:
        vad = models.vad(VADParams())
        for packet in packets(before):
            assert await vad.analyze_audio(packet) == VADState.QUIET
        spoken = packets(speech("what_time_is_it")[len(LEAD_IN) :])
        return [await vad.analyze_audio(packet) for packet in spoken].index(VADState.SPEAKING)

    after_silence = await packets_until_noticed(bytes(len(room)))
    assert abs(after_silence - await packets_until_noticed(room)) <= 2


@pytest.mark.slow
async def test_speakers_do_not_influence_each_other(models: TurnModels, sentences: bytes) -> None:
    alone, beside, silent = (models.vad(VADParams()) for _ in range(3))
    for packet in packets(sentences):
        expected = await alone.analyze_audio(packet)
        heard, _ = await asyncio.gather(
            beside.analyze_audio(packet), silent.analyze_audio(bytes(len(packet)))
        )
        assert heard == expected


@pytest.mark.slow
async def test_a_pause_is_reported_before_the_end_of_speech(
    models: TurnModels, sentences: bytes
) -> None:
    pauses = Pauses()
    vad = models.vad(VADParams(), pauses)
    before = VADState.QUIET
    ends = 0
    for packet in packets(sentences):
        state = await vad.analyze_audio(packet)
        if state == VADState.QUIET and before == VADState.STOPPING:
            ends += 1
            # From the first sign of silence on, and longer than the detector's own.
            assert pauses.lasted == sorted(pauses.lasted)
            assert pauses.lasted[0] <= WINDOW_MS
            assert pauses.lasted[-1] >= 5 * WINDOW_MS
            pauses.lasted.clear()
        before = state
    assert ends >= 5
    assert pauses.resumed, "the recording has pauses inside sentences"


async def test_digital_silence_is_not_given_to_the_model(models: TurnModels) -> None:
    calls: list[int] = []

    class Counted(SileroModel):
        async def predict(self, window: Array, state: Array) -> tuple[float, Array]:
            calls.append(1)
            return await models.silero.predict(window, state)

    vad = TurnModels(Counted(None), models.smart_turn).vad(VADParams())
    for packet in packets(bytes(32_000)):
        assert await vad.analyze_audio(packet) == VADState.QUIET
    assert not calls
    spoken = packets(speech("what_time_is_it")[len(LEAD_IN) :])
    while await vad.analyze_audio(spoken.pop(0)) != VADState.SPEAKING:
        pass
    before = len(calls)
    while await vad.analyze_audio(bytes(PACKET)) != VADState.QUIET:
        pass
    assert len(calls) >= before + 6, "silence after speech is judged by the model"


@pytest.mark.slow
async def test_the_size_of_the_packets_does_not_matter(
    models: TurnModels, sentences: bytes
) -> None:
    async def heard(size: int) -> list[VADState]:
        vad = models.vad(VADParams())
        cut = (sentences[start : start + size] for start in range(0, len(sentences), size))
        return [await vad.analyze_audio(piece) for piece in cut]

    sentences = sentences[: 46 * 4096]
    # Every 128 ms, after as many samples.
    seldom = await heard(4096)
    assert (await heard(1024))[3::4] == seldom
    assert len(set(seldom)) > 1


async def test_speech_that_resumes_within_a_burst_is_noticed(
    models: TurnModels, sentences: bytes
) -> None:
    """What a stalled network sends at once has the same pauses as when it arrives in time."""

    async def resumed(size: int) -> int:
        pauses = Pauses()
        vad = models.vad(VADParams(), pauses)
        for start in range(0, len(sentences), size):
            await vad.analyze_audio(sentences[start : start + size])
        return pauses.resumed

    window = 1024
    in_time = await resumed(window)
    assert in_time > 5
    assert await resumed(31 * window) == in_time


HEARING = Path(__file__).parents[2] / "fixtures" / "hearing"


def _samples(name: str) -> np.ndarray[Any, Any]:
    with wave.open(str(HEARING / f"{name}.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)


def _at_peak(decibels: float) -> np.ndarray[Any, Any]:
    said = _samples("u49")
    return np.asarray(said / abs(said).max() * 32_767 * 10 ** (decibels / 20))


def _by_telephone() -> np.ndarray[Any, Any]:
    narrow = soxr.resample(_samples("u49"), 16_000, 8_000)
    return np.asarray(soxr.resample(narrow, 8_000, 16_000))


async def _speaking_seconds(models: TurnModels, said: np.ndarray[Any, Any], offset: int) -> float:
    """How long somebody is taken to speak, as configured by default, in a quiet room."""
    silence = np.zeros(16_000)
    room = np.random.default_rng(1).normal(0, 2, len(said) + 32_000)
    heard = np.clip(np.concatenate([silence, said, silence]) + room + offset, -32_768, 32_767)
    vad = models.vad(vad_params(load((), {}).turn))
    states = [await vad.analyze_audio(each) for each in packets(heard.astype("<i2").tobytes())]
    return sum(state in (VADState.SPEAKING, VADState.STOPPING) for state in states) * 0.02


@pytest.mark.slow
@pytest.mark.parametrize(
    ("said", "offset"),
    [
        (_at_peak(-29), 0),
        (_at_peak(-37), 0),
        (_at_peak(-9), 3000),
        (_at_peak(-9) * 8, 0),
        (_by_telephone(), 0),
    ],
    ids=["quiet", "far", "offset", "clipped", "telephone"],
)
async def test_speech_of_any_loudness_is_heard(
    models: TurnModels, said: np.ndarray[Any, Any], offset: int
) -> None:
    normal = await _speaking_seconds(models, _at_peak(-9), 0)
    assert await _speaking_seconds(models, said, offset) >= 0.85 * normal
