"""Voice activity on shared models: the same as Pipecat's own, and pauses told early."""

import asyncio
import random
import threading
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams, VADState

from appliance.voice.hearing import KEPT_CHUNKS, WINDOW_MS, Hearing, Pauses
from tests.daemon import LEAD_IN, speech

AUDIO = Path(__file__).parent.parent / "fixtures" / "audio"
PACKET = 640


@pytest.fixture(scope="module")
def hearing() -> Iterator[Hearing]:
    loaded = Hearing.load()
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def sentences() -> bytes:
    """Eighteen seconds of six sentences."""
    with wave.open(str(AUDIO / "harvard.wav")) as file:
        assert file.getframerate() == 16_000
        return bytes(file.readframes(file.getnframes()))


def packets(pcm: bytes) -> list[bytes]:
    return [pcm[i : i + PACKET] for i in range(0, len(pcm), PACKET)]


async def test_it_hears_what_pipecats_analyzer_hears(hearing: Hearing, sentences: bytes) -> None:
    # Without the volume, whose way up is our own.
    params = VADParams(min_volume=0.0)
    ours, theirs = hearing.vad(params), SileroVADAnalyzer(params=params)
    theirs.set_sample_rate(16_000)
    heard: set[VADState] = set()
    for packet in packets(sentences):
        state = await ours.analyze_audio(packet)
        assert state == await theirs.analyze_audio(packet)
        heard.add(state)
    await theirs.cleanup()
    assert {VADState.SPEAKING, VADState.QUIET} <= heard


async def test_speech_out_of_digital_silence_is_noticed_as_soon_as_in_a_room(
    hearing: Hearing,
) -> None:
    murmur = random.Random(1)
    room = b"".join(
        round(murmur.gauss(0, 100)).to_bytes(2, "little", signed=True) for _ in range(32_000)
    )

    async def packets_until_noticed(before: bytes) -> int:
        vad = hearing.vad(VADParams())
        for packet in packets(before):
            assert await vad.analyze_audio(packet) == VADState.QUIET
        spoken = packets(speech("what_time_is_it")[len(LEAD_IN) :])
        return [await vad.analyze_audio(packet) for packet in spoken].index(VADState.SPEAKING)

    out_of_silence = await packets_until_noticed(bytes(len(room)))
    assert abs(out_of_silence - await packets_until_noticed(room)) <= 2


async def test_speakers_do_not_hear_each_other(hearing: Hearing, sentences: bytes) -> None:
    alone, beside, silent = (hearing.vad(VADParams()) for _ in range(3))
    for packet in packets(sentences):
        expected = await alone.analyze_audio(packet)
        heard, _ = await asyncio.gather(
            beside.analyze_audio(packet), silent.analyze_audio(bytes(len(packet)))
        )
        assert heard == expected


async def test_a_pause_is_told_before_the_end_of_speech(hearing: Hearing, sentences: bytes) -> None:
    lasted: list[float] = []
    resumed = 0

    def resume() -> None:
        nonlocal resumed
        resumed += 1
        lasted.clear()

    vad = hearing.vad(VADParams(), Pauses(lasted.append, resume))
    before = VADState.QUIET
    ends = 0
    for packet in packets(sentences):
        state = await vad.analyze_audio(packet)
        if state == VADState.QUIET and before == VADState.STOPPING:
            ends += 1
            # From the first sign of silence on, and longer than the detector's own.
            assert lasted == sorted(lasted)
            assert lasted[0] <= WINDOW_MS
            assert lasted[-1] >= 5 * WINDOW_MS
            lasted.clear()
        before = state
    assert ends >= 5
    assert resumed, "the recording has pauses inside sentences"


def test_an_endless_utterance_is_not_kept_whole(hearing: Hearing) -> None:
    turn = hearing.end_of_turn(SmartTurnParams())
    for _ in range(KEPT_CHUNKS * 3):
        turn.append_audio(bytes(PACKET), is_speech=True)
    assert len(turn._audio_buffer) <= KEPT_CHUNKS


async def test_a_pause_that_is_out_of_date_is_not_judged(hearing: Hearing) -> None:
    judged, busy = [], threading.Event()

    def predict(audio: np.ndarray) -> dict[str, int | float]:
        judged.append(len(audio))
        assert busy.wait(10)
        return {"prediction": 1, "probability": 1.0}

    crowded = replace(hearing, predict=predict, waiting=set())
    others, mine = (crowded.end_of_turn(SmartTurnParams()) for _ in range(2))
    for speaker in (others, mine):
        speaker.append_audio(sentence := LEAD_IN + speech("what_time_is_it"), is_speech=True)
    others.look_ahead()
    mine.look_ahead()
    before = mine.likely
    assert before is None
    mine.look_away()
    await asyncio.sleep(0)  # asyncio passes a cancellation on to the thread in its next round
    mine.append_audio(sentence, is_speech=True)
    mine.look_ahead()
    busy.set()
    await mine.judged()
    assert mine.likely
    assert len(judged) == 2


async def test_a_look_that_was_enough_is_not_repeated(hearing: Hearing) -> None:
    judged: list[int] = []

    def predict(audio: np.ndarray) -> dict[str, int | float]:
        judged.append(len(audio))
        return {"prediction": 1, "probability": 1.0}

    mine = replace(hearing, predict=predict, waiting=set()).end_of_turn(SmartTurnParams())
    mine.append_audio(LEAD_IN + speech("what_time_is_it"), is_speech=True)
    mine.look_ahead()
    await mine.judged()
    mine.look_ahead()
    assert (await mine.analyze_end_of_turn())[0] is EndOfTurnState.COMPLETE
    assert len(judged) == 1


async def test_nobody_waits_long_for_a_verdict(hearing: Hearing) -> None:
    busy = threading.Event()

    def predict(audio: np.ndarray) -> dict[str, int | float]:
        assert busy.wait(10)
        return {"prediction": 0, "probability": 0.0}

    crowded = replace(hearing, predict=predict, waiting=set())
    others, mine = (crowded.end_of_turn(SmartTurnParams()) for _ in range(2))
    for speaker in (others, mine):
        speaker.append_audio(LEAD_IN + speech("what_time_is_it"), is_speech=True)
    others.look_ahead()
    verdict, _ = await mine.analyze_end_of_turn()
    busy.set()
    assert verdict is EndOfTurnState.COMPLETE
