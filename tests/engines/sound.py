"""Recordings and synthetic sound as PCM, and a count of event loop turns, for tests."""

import asyncio
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import soxr

from appliance.audio.format import INPUT_RATE, OUTPUT_RATE
from appliance.engines import Synthesizer, Voice

FIXTURES = Path(__file__).parent.parent / "fixtures"
T = TypeVar("T")


def recording(*parts: str) -> bytes:
    """The samples of a 16 kHz recording among the fixtures."""
    with wave.open(str(FIXTURES.joinpath(*parts))) as opened:
        assert (opened.getframerate(), opened.getnchannels()) == (INPUT_RATE, 1)
        frames: bytes = opened.readframes(opened.getnframes())
        return frames


def silence(seconds: float) -> bytes:
    return bytes(2 * round(seconds * INPUT_RATE))


def noise(level: float, seconds: float = 2.0, smoothing: int = 1) -> bytes:
    """Noise of a standard deviation: white, or duller the larger `smoothing` is."""
    generator = np.random.default_rng(round(level) + smoothing)
    white = generator.normal(0, level, round(seconds * INPUT_RATE))
    dull = np.convolve(white, np.ones(smoothing) / smoothing, "same") if white.size else white
    return bytes(np.clip(dull, -32768, 32767).astype("<i2").tobytes())


async def spoken(engine: Synthesizer, text: str, voice: Voice | None = None) -> bytes:
    """All audio of a synthesis, at OUTPUT_RATE."""
    chunks = [chunk async for chunk in engine.synthesize(text, voice or Voice())]
    assert all(chunk and len(chunk) % 2 == 0 for chunk in chunks)
    return b"".join(chunks)


def seconds(pcm: bytes) -> float:
    return len(pcm) / 2 / OUTPUT_RATE


def level(pcm: bytes) -> float:
    """Root mean square in dB of full scale."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64) / 32768
    return float(20 * np.log10(np.sqrt(np.mean(samples**2))))


def as_input(pcm: bytes) -> bytes:
    """Audio of a synthesizer as input for a transcriber, with silence around it."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    heard = soxr.resample(samples * 0.5, OUTPUT_RATE, INPUT_RATE).astype("<i2").tobytes()
    return silence(0.3) + bytes(heard) + silence(0.3)


async def turns_during(work: Callable[[], Awaitable[T]], enough: int) -> tuple[T, int]:
    """The result of `work`, and the number of event loop turns meanwhile, 1 ms apart.

    Up to five tries until there are more than `enough`: the machine may hold up the loop now and
    then, work that blocks it does so every time.
    """
    for _ in range(5):
        result, turns = await _turns_during(work)
        if turns > enough:
            break
    return result, turns


async def _turns_during(work: Callable[[], Awaitable[T]]) -> tuple[T, int]:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    counting = asyncio.create_task(count())
    try:
        return await work(), turns
    finally:
        counting.cancel()


def with_noise(pcm: bytes, factor: float, snr: float) -> bytes:
    """The sound times `factor`, with white noise `snr` dB below it."""
    samples = np.frombuffer(pcm, "<i2") * factor
    deviation = np.sqrt(np.mean(np.square(samples))) * 10 ** (-snr / 20)
    hiss = np.random.default_rng(samples.size).normal(0, deviation, samples.size)
    return bytes(np.clip(np.rint(samples + hiss), -32768, 32767).astype("<i2").tobytes())


def breath(volume: float, seconds: float) -> bytes:
    """Dull noise that swells and fades every two and a half seconds."""
    times = np.arange(round(seconds * INPUT_RATE)) / INPUT_RATE
    hiss = np.random.default_rng(1).normal(0, 1, times.size)
    hiss = np.convolve(hiss, np.ones(6) / 6, "same") * np.sqrt(6)
    swelling = np.maximum(0, np.sin(2 * np.pi * 0.4 * times)) ** 2
    return _pcm(hiss * swelling * volume)


def music(volume: float, seconds: float) -> bytes:
    """Plucked chords, two a second."""
    chords = [(262, 330, 392), (220, 262, 330), (349, 440, 523), (392, 494, 587)]
    times = np.arange(INPUT_RATE // 2) / INPUT_RATE
    struck = [
        sum(np.sin(2 * np.pi * tone * part * times) / part for tone in chord for part in (1, 2, 3))
        * np.exp(-3 * times)
        for chord in chords
    ]
    played = np.tile(np.concatenate(struck), 1 + round(seconds / 2))[: round(seconds * INPUT_RATE)]
    return _pcm(played / np.abs(played).max() * volume)


def _pcm(samples: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> bytes:
    return bytes(np.clip(np.rint(samples * 32767), -32768, 32767).astype("<i2").tobytes())
