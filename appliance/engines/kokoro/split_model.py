"""Runs a split Kokoro model: a sentence at once, or slice by slice with given norm statistics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from appliance.engines.kokoro import generator
from appliance.engines.kokoro.generator import (
    COLUMNS_PER_FRAME,
    CONTEXT_FRAMES,
    FRAMES_PER_STEP,
    ROWS_PER_FRAME,
    SAMPLES_PER_FRAME,
)
from appliance.engines.kokoro.int8_convolution import is_exact_with_signed_weights
from appliance.engines.kokoro.onnx_graph import PublishedGraph, UnsupportedGraphError
from appliance.engines.memory_file import memory_file
from appliance.engines.onnx_session import run_options

if TYPE_CHECKING:
    import numpy as np
    from onnxruntime import InferenceSession, SessionOptions

    Array: TypeAlias = np.ndarray[Any, Any]


_SILENT_SHARE: Final = 0.6
"""Of the first token at normal speed. With the margin, what is left out has no sample above
-44 dB of the level of speech, in all 54 voices at 0.75, 1 and 1.3 times their speed."""
_ONSET_MARGIN: Final = 4
"""Frames of silence that are rendered before the first sound is possible."""
_VOCABULARY: Final = "kokoro_config"
"""Where later exports keep the tokens of their phonemes; the others use those of kokoro-onnx."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence after the front and the low stage: all that its sound is made of."""

    frames: int
    rows: "Array"
    """(frames * ROWS_PER_FRAME, channels)"""
    source: "Array"
    """(1, channels, frames * COLUMNS_PER_FRAME + 1)"""
    style: "Array"
    silent_frames: int = 0
    """Frames at the beginning in which there is no sound yet."""


class SplitModel:
    """The parts of one model as ONNX Runtime sessions. Several threads may use it at once."""

    def __init__(
        self,
        front: "InferenceSession",
        low: "InferenceSession",
        measuring: "InferenceSession",
        slicing: "InferenceSession",
    ) -> None:
        """Takes the sessions that `split` has made."""
        self._front = front
        self._low = low
        self._measuring = measuring
        self._slicing = slicing
        self._options = run_options()

    @classmethod
    def split(cls, model: bytes, options: "SessionOptions") -> "SplitModel":
        """Splits a model file. Raises UnsupportedGraphError where it is not built as expected."""
        signed = is_exact_with_signed_weights(options)
        published = PublishedGraph(model)
        if _VOCABULARY in published.metadata:
            raise UnsupportedGraphError("it has a vocabulary of its own")
        return cls(
            _session(generator.front_graph(published, signed=signed), options),
            _session(generator.low_graph(published, signed=signed), options),
            _session(generator.high_graph(published, signed=signed, measured=True), options),
            _session(generator.high_graph(published, signed=signed, measured=False), options),
        )

    def sentence(self, tokens: Sequence[int], style: "Array", speed: float) -> Sentence:
        """Runs the front and the low stage. `style` is the voice's row for this many tokens."""
        import numpy as np

        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": style.astype(np.float32).reshape(1, -1),
            "speed": np.array([speed], np.float32),
        }
        wanted = ["features", "source", "durations", "low_style", "high_style"]
        outputs = self._front.run(wanted, inputs, self._options)
        features, source, durations, low_style, high_style = outputs
        inputs = {"features": features, "source": source, "low_style": low_style}
        (rows,) = self._low.run(["rows"], inputs, self._options)
        # The silence hardly depends on the speed, although the token lasts longer in slow speech.
        opening = FRAMES_PER_STEP * float(durations.flat[0]) * speed
        silent = max(0, int(_SILENT_SHARE * opening) - _ONSET_MARGIN)
        return Sentence(features.shape[2], rows, source, high_style, silent)

    def whole(self, sentence: Sentence) -> "tuple[Array, Array]":
        """All samples of a sentence, and the statistics of its norms, packed."""
        inputs = _high_inputs(sentence, 0, sentence.frames)
        audio, statistics = self._measuring.run(["audio", "statistics"], inputs, self._options)
        return audio, statistics

    def part(self, sentence: Sentence, statistics: "Array", start: int, stop: int) -> "Array":
        """The samples of the frames from `start` to `stop`, with the given statistics.

        Those of the silent frames are zeros.
        """
        import numpy as np

        if start < sentence.silent_frames < stop:
            silence = np.zeros((sentence.silent_frames - start) * SAMPLES_PER_FRAME, np.float32)
            sound = self.part(sentence, statistics, sentence.silent_frames, stop)
            return np.concatenate([silence, sound])
        first = max(0, start - CONTEXT_FRAMES)
        last = min(sentence.frames, stop + CONTEXT_FRAMES)
        inputs = {**_high_inputs(sentence, first, last), "statistics": statistics}
        (audio,) = self._slicing.run(["audio"], inputs, self._options)
        samples: Array = audio[(start - first) * SAMPLES_PER_FRAME :]
        return samples[: (stop - start) * SAMPLES_PER_FRAME]


def _session(graph: bytes, options: "SessionOptions") -> "InferenceSession":
    """A session on the processor."""
    import onnxruntime as ort  # imported late, so that importing the package loads nothing heavy

    # A session that is made from bytes keeps them for as long as it lives; one made from a file
    # does not keep the file.
    with memory_file(graph) as path:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _high_inputs(sentence: Sentence, start: int, stop: int) -> "dict[str, Array]":
    columns = slice(start * COLUMNS_PER_FRAME, stop * COLUMNS_PER_FRAME + 1)
    return {
        "rows": sentence.rows[start * ROWS_PER_FRAME : stop * ROWS_PER_FRAME],
        "source": sentence.source[:, :, columns],
        "high_style": sentence.style,
    }
