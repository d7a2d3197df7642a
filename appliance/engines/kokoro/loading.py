"""Loads a Kokoro model and its voices, and splits the model where that is possible."""

import contextlib
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from appliance.audio.spectrum import spectral_distance
from appliance.engines.kokoro.renderers import (
    Renderer,
    SlicedRenderer,
    WholeRenderer,
    phonemes_of,
    prepared,
)
from appliance.engines.kokoro.split_model import SplitModel
from appliance.engines.kokoro.voice_calibrations import VoiceCalibrations
from appliance.engines.lease import return_free_pages
from appliance.engines.onnx_session import session_options
from appliance.errors import EngineFailed, ModelBroken, ModelMissing

if TYPE_CHECKING:
    import numpy as np
    from kokoro_onnx.tokenizer import Tokenizer
    from onnxruntime import InferenceSession, SessionOptions

    Array: TypeAlias = np.ndarray[Any, Any]

log = logging.getLogger(__name__)

_INPUTS: Final = ({"tokens", "style", "speed"}, {"input_ids", "style", "speed"})
"""The input names of the exports that kokoro-onnx can run."""
_MAX_INT8_BYTES: Final = 150_000_000
"""The published int8 model has 92 MB, those of floating point numbers twice and four times that."""
_MAX_DISTANCE: Final = 1.5
"""dB of spectral distance between the published graph and its parts, which is 0.7 at most."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is ready to speak; `calibrations` where it is split."""

    renderer: Renderer
    name: str
    calibrations: VoiceCalibrations | None = None


def load_renderer(
    model: Path,
    voices: Path,
    device: str,
    threads: int,
    calibrations: Path | None,
    is_busy: Callable[[], bool],
) -> Loaded:
    """Loads the model. Raises as `Kokoro.load` does; voices are measured while not `is_busy`."""
    for file in (model, voices):
        if not file.is_file():
            raise ModelMissing(f"{file} is missing")
    styles = _read_styles(voices)
    use_cuda = _use_cuda(device)
    if not use_cuda:
        split = _load_split(model, styles, session_options(threads), calibrations, is_busy)
        if split is not None:
            return split
    session = _open_session(model, session_options(threads), use_cuda)
    used = "cuda" if session.get_providers()[0] == "CUDAExecutionProvider" else "cpu"
    if device == "cuda" and used != "cuda":
        raise EngineFailed(
            "ONNX Runtime fell back to the CPU", advice="The log of ONNX Runtime names the reason."
        )
    return Loaded(_whole_renderer(session, voices, styles), f"kokoro {model.stem} {used}")


def _whole_renderer(
    session: "InferenceSession", voices: Path, styles: "Mapping[str, Array]"
) -> WholeRenderer:
    # Imported late: it loads the phonemizer.
    from kokoro_onnx import Kokoro as PublishedModel

    # kokoro-onnx keeps the voices file open and would read from it for every sentence.
    published = PublishedModel.from_session(session, str(voices))
    published.voices.close()
    published.voices = styles
    return WholeRenderer(published)


def _load_split(
    model: Path,
    styles: "Mapping[str, Array]",
    options: "SessionOptions",
    directory: Path | None,
    is_busy: Callable[[], bool],
) -> Loaded | None:
    """The model in its parts; None where it is not built like the published int8 model."""
    import onnxruntime as ort
    from kokoro_onnx.tokenizer import Tokenizer

    if model.stat().st_size > _MAX_INT8_BYTES:
        return None
    data = model.read_bytes()
    try:
        split = SplitModel.split(data, options)
    except Exception as error:  # noqa: BLE001  a foreign graph fails anywhere; it serves as it is
        log.info("%s speaks a sentence at a time: %s", model.name, error)
        return None
    tokenizer = Tokenizer()
    identity = hashlib.sha256(data).hexdigest()
    # Once for each model and each build of ONNX Runtime, as it takes memory for both graphs.
    checked = directory and directory / f"{identity[:16]}-{ort.__version__}.checked"
    if checked is None or not checked.exists():
        distance = _distance(model, options, split, tokenizer, next(iter(styles.values())))
        if not distance <= _MAX_DISTANCE:
            log.warning("%s speaks a sentence at a time: its parts do not fit", model.name)
            return None
        if checked is not None:
            with contextlib.suppress(OSError):  # it is checked again the next time
                checked.parent.mkdir(parents=True, exist_ok=True)
                checked.touch()
    del data  # what it took to split the model is several times as large as its parts
    return_free_pages()
    calibrations = VoiceCalibrations(split, tokenizer, styles, identity, directory, is_busy)
    renderer = SlicedRenderer(split, tokenizer, styles, calibrations)
    return Loaded(renderer, f"kokoro {model.stem} cpu", calibrations)


def _distance(
    model: Path,
    options: "SessionOptions",
    split: SplitModel,
    tokenizer: "Tokenizer",
    styles: "Array",
) -> float:
    """How far the parts of a model differ from the published graph, in dB."""
    import numpy as np  # imported late, so that importing the package loads nothing heavy

    phonemes = phonemes_of(tokenizer, "The engine is ready.", "en-us")
    tokens = tokenizer.tokenize(phonemes)
    audio, _ = split.whole(prepared(split, tokenizer, phonemes, styles, 1.0))
    inputs = {
        "tokens": np.array([[0, *tokens, 0]], np.int64),
        "style": styles[len(tokens) - 1].astype(np.float32),
        "speed": np.ones(1, np.float32),
    }
    (expected,) = _open_session(model, options, use_cuda=False).run(["audio"], inputs)
    if expected.size != audio.size or not np.isfinite(audio).all():
        return float("inf")
    return spectral_distance(expected, audio)


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


def _use_cuda(device: str) -> bool:
    """Whether to use the GPU. Raises EngineFailed where it is wanted and cannot be used."""
    import onnxruntime as ort  # imported late, as above

    cuda = "CUDAExecutionProvider" in ort.get_available_providers()
    if device == "cuda" and not cuda:
        raise EngineFailed(
            "this build of ONNX Runtime has no CUDA",
            advice="Set tts.model to a voice for the CPU, or install a CUDA build of ONNX Runtime.",
        )
    return cuda and device != "cpu"


def _open_session(model: Path, options: "SessionOptions", use_cuda: bool) -> "InferenceSession":
    """The published graph as a session."""
    import onnxruntime as ort

    providers: list[Any] = ["CPUExecutionProvider"]
    if use_cuda:
        # The default tunes the convolutions again for every length of text: too slow.
        providers.insert(0, ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "DEFAULT"}))
    try:
        session = ort.InferenceSession(str(model), options, providers=providers)
    except Exception as error:  # ONNX Runtime's errors have no common class
        raise _load_error(model, error) from error
    inputs = {entry.name for entry in session.get_inputs()}
    if inputs not in _INPUTS:
        names = ", ".join(sorted(inputs))
        raise ModelBroken(f"{model} is not a Kokoro model: its inputs are {names}")
    return session


def _load_error(model: Path, error: Exception) -> EngineFailed | ModelBroken:
    if "cuda" in str(error).lower():
        return EngineFailed(f"Kokoro cannot run on the GPU: {error}")
    return ModelBroken(f"{model} cannot be loaded: {error}")
