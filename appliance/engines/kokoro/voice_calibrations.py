"""Keeps the calibrations of a model's voices on disk, and measures missing ones in the background.

Measuring a voice takes some 20 s of processor time. Until it is done, the voice is rendered a
sentence at a time.
"""

import contextlib
import hashlib
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from appliance.concurrency import BackgroundTasks
from appliance.engines.kokoro.calibration import SENTENCES, Calibration, calibrate
from appliance.engines.kokoro.renderers import phonemes_of, prepared
from appliance.engines.kokoro.split_model import Sentence, SplitModel
from appliance.engines.lease import return_free_pages
from appliance.engines.worker import WorkerPool
from appliance.errors import write_error

if TYPE_CHECKING:
    import numpy as np
    from kokoro_onnx.tokenizer import Tokenizer

    Array: TypeAlias = np.ndarray[Any, Any]

log = logging.getLogger(__name__)

_LANGUAGE: Final = "en-us"
_LOWEST_PRIORITY: Final = 19
_PAUSE_SECONDS: Final = 0.1


class VoiceCalibrations:
    """The calibrations of one model. `get` may be called from any thread."""

    def __init__(
        self,
        model: SplitModel,
        tokenizer: "Tokenizer",
        voices: "Mapping[str, Array]",
        identity: str,
        directory: Path | None,
        is_busy: Callable[[], bool],
    ) -> None:
        """`identity` names the model file's content; None for `directory` keeps nothing.

        Measuring waits while the engine `is_busy`.
        """
        self._model = model
        self._tokenizer = tokenizer
        self._voices = voices
        self._identity = identity
        self._directory = directory
        self._is_busy = is_busy
        self._known: dict[str, Calibration] = {}
        self._requested: set[str] = set()
        self._latest = ""
        self._workers = WorkerPool("kokoro-calibration")
        self._tasks = BackgroundTasks()
        self._closing = threading.Event()

    def get(self, voice: str) -> Calibration | None:
        """The calibration of a voice, if there is one by now."""
        return self._known.get(voice)

    @property
    def is_latest_usable(self) -> bool:
        """Whether the voice that was requested last can be rendered in slices by now."""
        calibration = self.get(self._latest)
        return calibration is not None and calibration.is_usable

    def request(self, voice: str) -> None:
        """Has a voice read from disk or measured, unless that has been requested before."""
        self._latest = voice
        if voice not in self._requested:
            self._requested.add(voice)
            self._tasks.run(self._provide(voice), f"calibrate the voice {voice}")

    async def close(self) -> None:
        """Ends a measurement after its present sentence."""
        self._closing.set()
        await self._tasks.cancel()
        await self._workers.close()

    async def _provide(self, voice: str) -> None:
        calibration = await self._workers.run(self._read_or_measure, voice)
        if calibration is not None:
            self._known[voice] = calibration

    def _read_or_measure(self, voice: str) -> Calibration | None:
        file = self._file(voice)
        if file is not None:
            with contextlib.suppress(OSError, ValueError):
                return Calibration.restored(file.read_bytes())
        _lower_priority()
        calibration = calibrate(self._model, self._sentences(voice), self._goes_on)
        return_free_pages()
        if calibration is None:
            return None
        if not calibration.is_usable:
            log.warning("the voice %s cannot be rendered in slices", voice)
        if file is not None:
            _write(file, calibration.saved())
        return calibration

    def _goes_on(self) -> bool:
        """Waits for the engine to be idle; False where it is being closed."""
        while self._is_busy() and not self._closing.wait(_PAUSE_SECONDS):
            pass
        return not self._closing.is_set()

    def _sentences(self, voice: str) -> Iterator[Sentence]:
        for text in SENTENCES:
            self._goes_on()
            phonemes = phonemes_of(self._tokenizer, text, _LANGUAGE)
            yield prepared(self._model, self._tokenizer, phonemes, self._voices[voice], 1.0)

    def _file(self, voice: str) -> Path | None:
        """Where the calibration of this model and voice is kept."""
        # The name of a voice comes out of a file, and is not to lead elsewhere.
        if self._directory is None or not voice.isidentifier():
            return None
        content = hashlib.sha256(self._identity.encode() + self._voices[voice].tobytes())
        return self._directory / f"{voice}-{content.hexdigest()[:16]}.npz"


def _lower_priority() -> None:
    """Lets everything else go before the calling thread, where threads have a priority."""
    if sys.platform == "linux":
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)


def _write(file: Path, data: bytes) -> None:
    """Writes a file as a whole or not at all; without it, the voice is measured again."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as written:
            written.write(data)
        Path(written.name).replace(file)
    except OSError as error:
        log.warning("%s", write_error("the calibration of a voice", error).message)
