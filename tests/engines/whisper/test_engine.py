import asyncio
import json
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.engines import Priority, Ticket
from appliance.engines.whisper.decoder import AudioWindow, WhisperDecoder
from appliance.engines.whisper.engine import Whisper, load_decoder
from appliance.engines.whisper.window import FULL_WINDOW, MIN_WINDOW, DecodedWindow
from appliance.engines.worker import WorkerPool
from appliance.errors import EngineFailed, ModelBroken, ModelMissing
from tests.engines.sound import (
    FIXTURES,
    breath,
    music,
    noise,
    recording,
    silence,
    turns_during,
    with_noise,
)

MODEL = FIXTURES / "micro_whisper" / "model"
UTTERANCES = FIXTURES / "micro_whisper" / "utterances"
TEXTS: dict[str, str] = json.loads((UTTERANCES / "index.json").read_text())


def utterance(name: str) -> bytes:
    return recording("micro_whisper", "utterances", name)


@pytest.mark.parametrize("name", TEXTS)
async def test_utterances_are_transcribed(whisper: Whisper, name: str) -> None:
    heard = await whisper.transcribe(utterance(name))
    assert heard.text == TEXTS[name]
    assert heard.language == "en"
    assert heard.confidence is not None
    assert heard.confidence > 0.9


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(("factor", "snr"), [(0.05, 40), (0.3, 15), (2.5, 20)])
async def test_soft_loud_and_noisy_utterances_are_transcribed(
    whisper: Whisper, name: str, factor: float, snr: float
) -> None:
    heard = await whisper.transcribe(with_noise(utterance(name), factor, snr))
    assert heard.text == TEXTS[name]


async def test_the_language_is_detected(whisper: Whisper) -> None:
    heard = await whisper.transcribe(utterance("what_time_is_it.wav"), "auto")
    assert heard.text == "what time is it"
    assert heard.language in ("en", "de", "fr", "es") or len(heard.language) in (2, 3)


@pytest.mark.parametrize(
    "audio",
    [
        b"",
        b"\1",
        silence(2),
        silence(0.02),
        noise(5),
        noise(100),
        noise(1000),
        noise(8000),
        noise(3000, smoothing=8),
        noise(1000, smoothing=64),
        breath(0.003, 1.2),
        breath(0.01, 3),
        breath(0.01, 6),
        breath(0.05, 1.2),
        breath(0.05, 3),
        breath(0.2, 1.2),
        music(0.01, 3),
        music(0.1, 1),
        music(0.5, 7),
    ],
    ids=lambda audio: f"{len(audio)} bytes",
)
async def test_no_text_without_speech(whisper: Whisper, audio: bytes) -> None:
    heard = await whisper.transcribe(audio)
    assert (heard.text, heard.confidence) == ("", 0.0)


async def test_speech_longer_than_the_window_is_transcribed_to_its_end(whisper: Whisper) -> None:
    audio = utterance("good_morning.wav") + silence(28) + utterance("stop.wav")
    assert (await whisper.transcribe(audio)).text == "good morning stop"


class RecordingDecoder(WhisperDecoder):
    """Records which windows are decoded together; with `doubts`, spoils short ones.

    With a `likelihood` the texts of short windows are no likelier than that.
    """

    doubts = False
    likelihood = 0.0

    def decode(
        self, utterances: Sequence[AudioWindow], is_abandoned: Callable[[], bool] = lambda: False
    ) -> list[DecodedWindow]:
        self.windows.append([utterance.window_seconds for utterance in utterances])
        decoded = super().decode(utterances, is_abandoned)
        if self.doubts and utterances[0].window_seconds < FULL_WINDOW:
            return [replace(one, text="thank you " * 40) for one in decoded]
        if self.likelihood and utterances[0].window_seconds < FULL_WINDOW:
            return [replace(one, likelihood=self.likelihood) for one in decoded]
        return decoded

    @classmethod
    def of(cls, decoder: WhisperDecoder) -> "RecordingDecoder":
        decoder.__class__ = cls
        assert isinstance(decoder, cls)
        decoder.windows = []
        return decoder

    windows: list[list[float]]


@pytest.fixture
async def recorded() -> AsyncIterator[tuple[Whisper, RecordingDecoder]]:
    decoder, name = await asyncio.to_thread(load_decoder, MODEL, "cpu", "int8", 1, (), MIN_WINDOW)
    listening = RecordingDecoder.of(decoder)
    engine = Whisper(WorkerPool("whisper"), listening, name)
    yield engine, listening
    await engine.close()


async def test_a_command_is_decoded_once_in_a_short_window(
    recorded: tuple[Whisper, RecordingDecoder],
) -> None:
    engine, decoder = recorded
    await engine.transcribe(utterance("stop.wav"))
    longer = await engine.transcribe(silence(5) + utterance("stop.wav") + silence(2))
    assert decoder.windows == [[8.0], [10.0]]
    assert (longer.windows, longer.retries) == ((10.0,), 0)


async def test_a_doubtful_result_is_decoded_again_in_the_full_window(
    recorded: tuple[Whisper, RecordingDecoder],
) -> None:
    engine, decoder = recorded
    decoder.doubts = True
    transcript = await engine.transcribe(utterance("stop.wav"))
    assert transcript.text == "stop"
    assert decoder.windows == [[8.0], [FULL_WINDOW]]
    assert (transcript.windows, transcript.retries) == ((8.0, FULL_WINDOW), 1)


@pytest.mark.parametrize(
    ("likelihood", "windows"), [(-0.4, (8.0, 8.0)), (-0.9, (8.0, 8.0, FULL_WINDOW))]
)
async def test_the_less_likely_a_text_the_more_passes_it_is_given(
    recorded: tuple[Whisper, RecordingDecoder], likelihood: float, windows: tuple[float, ...]
) -> None:
    engine, decoder = recorded
    decoder.likelihood = likelihood
    transcript = await engine.transcribe(utterance("stop.wav"))
    assert (transcript.windows, transcript.retries) == (windows, len(windows) - 1)
    assert [each for (each,) in decoder.windows] == list(windows)


async def test_a_doubtful_partial_transcript_is_not_decoded_again(
    recorded: tuple[Whisper, RecordingDecoder],
) -> None:
    engine, decoder = recorded
    decoder.doubts = True
    partial = await engine.transcribe(utterance("stop.wav"), ticket=Ticket(Priority.LATER))
    assert (partial.text, decoder.windows) == ("", [[8.0]])


async def test_a_transcription_that_is_cancelled_while_it_encodes_generates_no_text(
    recorded: tuple[Whisper, RecordingDecoder],
) -> None:
    engine, decoder = recorded
    model = decoder._model.model
    encoding, cancelled = threading.Event(), threading.Event()
    generated: list[str] = []

    def encode(features: object) -> object:
        encoding.set()
        assert cancelled.wait(10)
        return model.encode(features)

    def generate(*arguments: object, **options: object) -> object:
        generated.append("text")
        return model.generate(*arguments, **options)

    decoder._model.model = SimpleNamespace(
        encode=encode, generate=generate, is_multilingual=model.is_multilingual
    )
    task = asyncio.create_task(engine.transcribe(utterance("stop.wav")))
    assert await asyncio.to_thread(encoding.wait, 10)
    task.cancel()
    await asyncio.wait({task})
    cancelled.set()
    assert (await engine.transcribe(utterance("stop.wav"))).text == "stop"
    assert generated == ["text"]


async def test_long_speech_takes_the_full_window_alone(
    recorded: tuple[Whisper, RecordingDecoder],
) -> None:
    engine, decoder = recorded
    audio = utterance("stop.wav") + silence(26)
    texts = await asyncio.gather(*(engine.transcribe(audio) for _ in range(3)))
    assert [heard.text for heard in texts] == ["stop"] * 3
    assert decoder.windows == [[FULL_WINDOW]] * 3


async def test_waiting_requests_are_decoded_in_batches(
    recorded: tuple[Whisper, RecordingDecoder],
) -> None:
    engine, decoder = recorded
    names = list(TEXTS)
    long = silence(5) + utterance("yes.wav") + silence(2)
    heard = await asyncio.gather(
        engine.transcribe(long),
        *(engine.transcribe(utterance(name)) for name in names),
        engine.transcribe(long),
    )
    assert [one.text for one in heard] == ["yes", *TEXTS.values(), "yes"]
    assert max(len(batch) for batch in decoder.windows) == 8
    assert len(decoder.windows) < len(names)
    assert all(len(set(batch)) == 1 for batch in decoder.windows)


async def test_a_minimum_of_thirty_seconds_always_uses_the_full_window() -> None:
    engine = await Whisper.load(MODEL, "cpu", "int8", 1, min_window=FULL_WINDOW)
    assert (await engine.transcribe(utterance("stop.wav"))).text == "stop"
    await engine.close()


async def test_the_event_loop_runs_while_it_transcribes(whisper: Whisper) -> None:
    audio = utterance("what_time_is_it.wav")

    async def listen() -> list[str]:
        return [(await whisper.transcribe(audio)).text for _ in range(5)]

    heard, turns = await turns_during(listen, 20)
    assert all(heard)
    # A blocked loop would turn once or twice for each.
    assert turns > 20


async def test_the_name_gives_type_and_device(whisper: Whisper) -> None:
    assert whisper.name.startswith("whisper model int8")
    assert whisper.name.endswith(" cpu")


async def test_a_result_that_is_not_a_number_fails(
    whisper: Whisper, monkeypatch: pytest.MonkeyPatch
) -> None:
    nan = DecodedWindow("!!!!!!!!", "en", likelihood=float("nan"), no_speech=0.0, tokens=8)
    monkeypatch.setattr(WhisperDecoder, "decode", lambda _self, each, _: [nan] * len(each))
    with pytest.raises(EngineFailed, match="makes sense"):
        await whisper.transcribe(utterance("stop.wav"))


async def test_a_closed_engine_raises() -> None:
    engine = await Whisper.load(MODEL, "cpu", "float32", 1)
    await engine.close()
    await engine.close()
    with pytest.raises(EngineFailed, match="closed"):
        await engine.transcribe(utterance("stop.wav"))


async def test_an_unsupported_compute_type_is_not_blamed_on_the_file() -> None:
    with pytest.raises(EngineFailed, match="int8_bfloat16 on cpu") as raised:
        await Whisper.load(MODEL, "cpu", "int8_bfloat16", 1)
    assert "stt.compute_type" in raised.value.advice


async def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no Whisper model in") as raised:
        await Whisper.load(tmp_path / "absent", "cpu")
    assert "appliance models pull" in raised.value.advice


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(MODEL, tmp_path / "model")


@pytest.mark.parametrize("name", ["config.json", "model.bin", "tokenizer.json", "vocabulary.json"])
async def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelMissing, match=name):
        await Whisper.load(copy, "cpu")


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


BROKEN: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "cut off": ("model.bin", _cut),
    "nearly empty": ("model.bin", lambda data: data[:3]),
    "another model": ("model.bin", lambda data: data.replace(b"WhisperSpec", b"OtherModel1", 1)),
    "a page of a hotel's network": ("model.bin", lambda data: b"<html>Please log in</html>"),
    "a pointer to the file": ("model.bin", lambda data: b"version https://git-lfs\noid sha256:0"),
    "no JSON": ("config.json", _cut),
    "no tokenizer": ("tokenizer.json", lambda data: b"{}"),
    "half a tokenizer": ("tokenizer.json", _cut),
    "no UTF-8": ("vocabulary.json", lambda data: b'["\xff\xfe'),
}


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_broken_file_is_named(copy: Path, fault: str) -> None:
    name, spoil = BROKEN[fault]
    (copy / name).write_bytes(spoil((copy / name).read_bytes()))
    with pytest.raises(ModelBroken, match=name):
        await Whisper.load(copy, "cpu")


async def test_wrong_mel_bands_are_found_before_they_crash(copy: Path) -> None:
    file = copy / "preprocessor_config.json"
    file.write_text(json.dumps({"feature_size": 128}))
    with pytest.raises(ModelBroken, match="promises 128 mel bands"):
        await Whisper.load(copy, "cpu")
