"""Kokoro through kokoro-onnx and ONNX Runtime, from two files on disk.

What was said before comes from memory at once, where the caller gives room for that; what was
not, waits in line for the model. All of it is equally loud (`levelling.py`).
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.audio.loudness import levelled
from appliance.engines import Ticket, Voice
from appliance.engines.kokoro.phrase_cache import Phrase, PhraseCache
from appliance.engines.worker import Emit, WorkerPool
from appliance.errors import EngineFailed, ModelBroken, ModelMissing

if TYPE_CHECKING:
    import numpy as np
    from kokoro_onnx import Kokoro as Model
    from onnxruntime import InferenceSession

_BEST: Final = ("af_sarah", "af_heart", "af_bella", "bf_emma")
"""The voices to fall back to, where the file has them."""
_LANGUAGES: Final[Mapping[str, str]] = {
    "a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "j": "ja",
    "p": "pt-br", "z": "cmn",
}  # fmt: skip
"""A voice's first letter is its language; the values are the phonemizer's names."""
_SLOWEST, _FASTEST = 0.5, 2.0
_INPUTS: Final = ({"tokens", "style", "speed"}, {"input_ids", "style", "speed"})


class Kokoro:
    """A Synthesizer on one Kokoro model, which all sessions share."""

    def __init__(self, lane: WorkerPool, model: "Model", name: str, phrases: PhraseCache) -> None:
        """Made by `load`."""
        self._lane = lane
        self._phrases = phrases
        self._model: Model | None = model
        self._name = name
        best = [voice for voice in _BEST if voice in model.voices]
        self._voices = (*best, *sorted(set(model.voices) - set(best)))

    @classmethod
    async def load(
        cls,
        model: Path,
        voices: Path,
        device: str = "auto",
        threads: int = 0,
        *,
        phrase_bytes: int = 0,
    ) -> "Kokoro":
        """The engine, warm: it has spoken before this returns.

        `device` is cuda, cpu or auto; `threads` is for the CPU (0: ONNX Runtime's choice).
        `phrase_bytes` is the room for phrases spoken before, 48 kB for a second of speech; 0
        keeps none. Raises ModelMissing or ModelBroken naming the file, or EngineFailed where the
        device cannot run the model.
        """
        lane = WorkerPool("kokoro")
        async with lane.loading():
            loaded, name = await lane.run(_load, model, voices, device, threads)
        return cls(lane, loaded, name, PhraseCache(phrase_bytes))

    @property
    def name(self) -> str:
        return self._name

    @property
    def stuck_seconds(self) -> float:
        return self._lane.stuck_seconds

    @property
    def voices(self) -> tuple[str, ...]:
        return self._voices

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        """PCM, a batch of up to 510 phonemes at a time; nothing for a text without words.

        A name that is no voice here gives way to a voice of the language, that to the best.
        """
        if self._model is None:
            raise EngineFailed(f"{self._name} is closed")
        speed = max(_SLOWEST, min(_FASTEST, voice.speed))
        phrase = Phrase(text.strip(), choose_voice(voice, self._voices), speed, self._name)
        kept = self._phrases.get(phrase)
        if kept is not None:
            for chunk in kept:
                yield chunk
            return
        fresh: list[bytes] = []
        stream = self._lane.stream(partial(self._produce, phrase), ticket)
        # Closed by hand: who leaves this iterator early means the work to end now.
        async with aclosing(stream):
            async for chunk in stream:
                fresh.append(chunk)
                yield chunk
        self._phrases.keep(phrase, tuple(fresh))

    def _produce(self, phrase: Phrase, emit: Emit) -> None:
        if self._model is None:
            raise EngineFailed(f"{self._name} is closed")
        for audio in _speak(self._model, phrase.text, phrase.voice, phrase.speed):
            if not emit(audio):
                return

    async def close(self) -> None:
        await self._lane.close()
        self._model = None
        self._phrases.clear()


def choose_voice(voice: Voice, voices: tuple[str, ...]) -> str:
    """The voice of that name, else the first of its language, else the first of all. Pure."""
    if voice.name in voices:
        return voice.name
    letters = [
        letter for letter, language in _LANGUAGES.items() if language.startswith(voice.language)
    ]
    fitting = [name for name in voices if voice.language and name[:1] in letters]
    return fitting[0] if fitting else voices[0]


def _speak(model: "Model", text: str, voice: str, speed: float) -> Iterator[bytes]:
    """One batch after the other, with the pauses between them, on an engine thread."""
    import numpy as np  # here, because importing the package loads nothing heavy
    from kokoro_onnx.chunker import pause_after, split_phonemes
    from kokoro_onnx.config import MAX_PHONEME_LENGTH

    language = _LANGUAGES.get(voice[:1], "en-us")
    phonemes = " ".join(model.tokenizer.phonemize(text, language).split())
    batches = [
        batch
        for batch in split_phonemes(phonemes, MAX_PHONEME_LENGTH)
        if any(character.isalpha() for character in batch) and model.tokenizer.tokenize(batch)
    ]
    for place, batch in enumerate(batches, 1):
        audio, rate = model.create(batch, voice, speed, is_phonemes=True)
        if not np.isfinite(audio).all():
            raise EngineFailed("what the model makes is no sound")
        audio = levelled(audio)
        if place < len(batches):
            audio = np.append(audio, np.zeros(int(pause_after(batch, 0.25, 0.1) * rate)))
        # The model oversteps full scale now and then.
        yield np.rint(np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes()


def _load(model: Path, voices: Path, device: str, threads: int) -> "tuple[Model, str]":
    for file in (model, voices):
        if not file.is_file():
            raise ModelMissing(f"{file} is missing")
    styles = _styles(voices)
    session, used = _session(model, device, threads)
    # Imported here: it brings the phonemizer along, and importing does nothing.
    from kokoro_onnx import Kokoro as Model

    # kokoro-onnx opens the voices again, and would read from that file for every sentence.
    loaded = Model.from_session(session, str(voices))
    loaded.voices.close()
    loaded.voices = styles
    for _ in _speak(loaded, "Ready.", next(iter(styles)), 1.0):
        pass
    return loaded, f"kokoro {model.stem} {used}"


def _styles(file: Path) -> "dict[str, np.ndarray[Any, Any]]":
    """Every voice in memory (half a megabyte each), checked."""
    import zipfile

    import numpy as np

    try:
        # Opened here, because np.load leaves a broken archive open.
        with file.open("rb") as opened, np.load(opened) as archive:
            styles = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise ModelBroken(f"{file} is no file of Kokoro voices: {error}") from error
    wrong = [name for name, style in styles.items() if style.shape[1:] != (1, 256)]
    if wrong or not styles:
        which = ", ".join(wrong) or "it is empty"
        raise ModelBroken(f"{file} is no file of Kokoro voices: {which}")
    return styles


def _session(model: Path, device: str, threads: int) -> "tuple[InferenceSession, str]":
    """The model on the device, and the device it ended on."""
    import onnxruntime as ort  # here, because importing the package loads nothing heavy

    cuda = "CUDAExecutionProvider" in ort.get_available_providers()
    if device == "cuda" and not cuda:
        raise EngineFailed(
            "this ONNX Runtime has no CUDA",
            advice="Set tts.model to a voice for the CPU, or install a CUDA build of it.",
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads would take the cores from the event loop and from the other engines.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors; its warnings about node placement are harmless
    providers: list[Any] = ["CPUExecutionProvider"]
    if cuda and device != "cpu":
        # Tuning anew for every length of text, the default, costs more than it brings.
        providers.insert(0, ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "DEFAULT"}))
    try:
        session = ort.InferenceSession(str(model), options, providers=providers)
    except Exception as error:  # ONNX Runtime's own errors have no common class
        raise _explained(model, error) from error
    used = "cuda" if session.get_providers()[0] == "CUDAExecutionProvider" else "cpu"
    if device == "cuda" and used != "cuda":
        raise EngineFailed("ONNX Runtime fell back to the CPU", advice="Look at its log for why.")
    inputs = {entry.name for entry in session.get_inputs()}
    if inputs not in _INPUTS:
        raise ModelBroken(f"{model} is no Kokoro model: its inputs are {', '.join(sorted(inputs))}")
    return session, used


def _explained(model: Path, error: Exception) -> EngineFailed | ModelBroken:
    if "cuda" in str(error).lower():
        return EngineFailed(f"Kokoro cannot run on the GPU: {error}")
    return ModelBroken(f"{model} cannot be loaded: {error}")
