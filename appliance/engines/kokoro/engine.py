"""Runs Kokoro through kokoro-onnx and ONNX Runtime, from two files on disk.

Phrases spoken before come from the phrase cache, where the caller gives it room; all others queue
for the model. Every phrase is brought to the same loudness (`audio/loudness.py`).
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

_PREFERRED_VOICES: Final = ("af_sarah", "af_heart", "af_bella", "bf_emma")
"""Fallback voices, best first, as far as the voices file has them."""
_LANGUAGES: Final[Mapping[str, str]] = {
    "a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "j": "ja",
    "p": "pt-br", "z": "cmn",
}  # fmt: skip
"""The language that the first letter of a voice's name stands for, by its eSpeak NG name."""
_MIN_SPEED, _MAX_SPEED = 0.5, 2.0
_INPUTS: Final = ({"tokens", "style", "speed"}, {"input_ids", "style", "speed"})
"""The input names of the exports that kokoro-onnx can run."""


class Kokoro:
    """A Synthesizer over one Kokoro model that all sessions share."""

    def __init__(
        self, workers: WorkerPool, model: "Model", name: str, phrases: PhraseCache
    ) -> None:
        """Takes a model that `load` has loaded and warmed."""
        self._workers = workers
        self._phrases = phrases
        self._model: Model | None = model
        self._name = name
        preferred = [voice for voice in _PREFERRED_VOICES if voice in model.voices]
        self._voices = (*preferred, *sorted(set(model.voices) - set(preferred)))

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
        """Loads the model and speaks one word with it, because its first run is slow.

        `device` is cuda, cpu or auto. `threads` is the number of CPU threads (0: ONNX Runtime
        decides). `phrase_bytes` is the size of the phrase cache, 48 kB for a second of speech; 0
        turns it off. Raises ModelMissing or ModelBroken naming the file, or EngineFailed if the
        device cannot run the model.
        """
        workers = WorkerPool("kokoro")
        async with workers.close_on_failure():
            loaded, name = await workers.run(_load, model, voices, device, threads)
        return cls(workers, loaded, name, PhraseCache(phrase_bytes))

    @property
    def name(self) -> str:
        return self._name

    @property
    def stuck_seconds(self) -> float:
        return self._workers.stuck_seconds

    @property
    def voices(self) -> tuple[str, ...]:
        return self._voices

    @property
    def streams(self) -> bool:
        return False

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        """Yields PCM in batches of up to 510 phonemes; yields nothing for a text without words.

        An unknown voice name falls back to a voice of the same language, then to the best voice.
        """
        if self._model is None:
            raise EngineFailed(f"{self._name} is closed")
        speed = max(_MIN_SPEED, min(_MAX_SPEED, voice.speed))
        phrase = Phrase(text.strip(), choose_voice(voice, self._voices), speed, self._name)
        cached = self._phrases.get(phrase)
        if cached is not None:
            if ticket is not None:
                ticket.from_cache = True
            for chunk in cached:
                yield chunk
            return
        spoken: list[bytes] = []
        stream = self._workers.stream(partial(self._produce, phrase), ticket)
        # `async for` does not close what it iterates over: a caller that stops early must also
        # stop the model.
        async with aclosing(stream):
            async for chunk in stream:
                spoken.append(chunk)
                yield chunk
        self._phrases.put(phrase, tuple(spoken))

    def _produce(self, phrase: Phrase, emit: Emit) -> None:
        if self._model is None:
            raise EngineFailed(f"{self._name} is closed")
        for audio in _speak(self._model, phrase.text, phrase.voice, phrase.speed):
            if not emit(audio):
                return

    async def close(self) -> None:
        await self._workers.close()
        self._model = None
        self._phrases.clear()


def choose_voice(voice: Voice, voices: tuple[str, ...]) -> str:
    """Returns the voice of that name, else the first of its language, else the first. Pure."""
    if voice.name in voices:
        return voice.name
    letters = [
        letter for letter, language in _LANGUAGES.items() if language.startswith(voice.language)
    ]
    same_language = [name for name in voices if voice.language and name[:1] in letters]
    return same_language[0] if same_language else voices[0]


def _speak(model: "Model", text: str, voice: str, speed: float) -> Iterator[bytes]:
    """Yields the PCM of one batch of phonemes after another, each with the pause after it."""
    import numpy as np  # imported late, so that importing the package loads nothing heavy
    from kokoro_onnx.chunker import pause_after, split_phonemes
    from kokoro_onnx.config import MAX_PHONEME_LENGTH

    language = _LANGUAGES.get(voice[:1], "en-us")
    phonemes = " ".join(model.tokenizer.phonemize(text, language).split())
    batches = [
        batch
        for batch in split_phonemes(phonemes, MAX_PHONEME_LENGTH)
        if any(character.isalpha() for character in batch) and model.tokenizer.tokenize(batch)
    ]
    for number, batch in enumerate(batches, 1):
        audio, rate = model.create(batch, voice, speed, is_phonemes=True)
        if not np.isfinite(audio).all():
            raise EngineFailed("the model returned samples that are not finite")
        audio = levelled(audio)
        if number < len(batches):
            audio = np.append(audio, np.zeros(int(pause_after(batch, 0.25, 0.1) * rate)))
        # The model exceeds full scale now and then.
        yield np.rint(np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes()


def _load(model: Path, voices: Path, device: str, threads: int) -> "tuple[Model, str]":
    for file in (model, voices):
        if not file.is_file():
            raise ModelMissing(f"{file} is missing")
    styles = _read_styles(voices)
    session, used = _open_session(model, device, threads)
    # Imported late: it loads the phonemizer.
    from kokoro_onnx import Kokoro as Model

    # kokoro-onnx keeps the voices file open and would read from it for every sentence.
    loaded = Model.from_session(session, str(voices))
    loaded.voices.close()
    loaded.voices = styles
    for _ in _speak(loaded, "Ready.", next(iter(styles)), 1.0):
        pass
    return loaded, f"kokoro {model.stem} {used}"


def _read_styles(file: Path) -> "dict[str, np.ndarray[Any, Any]]":
    """Reads every voice into memory (half a megabyte each) and checks its shape."""
    import zipfile

    import numpy as np

    try:
        # np.load would leave a broken archive open.
        with file.open("rb") as opened, np.load(opened) as archive:
            styles = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise ModelBroken(f"{file} is not a Kokoro voices file: {error}") from error
    wrong = [name for name, style in styles.items() if style.shape[1:] != (1, 256)]
    if wrong or not styles:
        which = ", ".join(wrong) or "it is empty"
        raise ModelBroken(f"{file} is not a Kokoro voices file: {which}")
    return styles


def _open_session(model: Path, device: str, threads: int) -> "tuple[InferenceSession, str]":
    """Opens the model on the device; also returns the device that ONNX Runtime chose."""
    import onnxruntime as ort  # imported late, as above

    cuda = "CUDAExecutionProvider" in ort.get_available_providers()
    if device == "cuda" and not cuda:
        raise EngineFailed(
            "this build of ONNX Runtime has no CUDA",
            advice="Set tts.model to a voice for the CPU, or install a CUDA build of ONNX Runtime.",
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads would starve the event loop and the other engines.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors only: the warnings about node placement are harmless
    providers: list[Any] = ["CPUExecutionProvider"]
    if cuda and device != "cpu":
        # The default tunes the convolutions again for every length of text: too slow.
        providers.insert(0, ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "DEFAULT"}))
    try:
        session = ort.InferenceSession(str(model), options, providers=providers)
    except Exception as error:  # ONNX Runtime's errors have no common class
        raise _load_error(model, error) from error
    used = "cuda" if session.get_providers()[0] == "CUDAExecutionProvider" else "cpu"
    if device == "cuda" and used != "cuda":
        raise EngineFailed(
            "ONNX Runtime fell back to the CPU", advice="The log of ONNX Runtime names the reason."
        )
    inputs = {entry.name for entry in session.get_inputs()}
    if inputs not in _INPUTS:
        names = ", ".join(sorted(inputs))
        raise ModelBroken(f"{model} is not a Kokoro model: its inputs are {names}")
    return session, used


def _load_error(model: Path, error: Exception) -> EngineFailed | ModelBroken:
    if "cuda" in str(error).lower():
        return EngineFailed(f"Kokoro cannot run on the GPU: {error}")
    return ModelBroken(f"{model} cannot be loaded: {error}")
