"""Runs the appliance on engine libraries that fail on command: python -m tests.faulty run

FAULTS names a JSON file that maps an engine to the fault of its library: {"kokoro": "hangs"}. The
file is read at every call of a library, on the engine's own thread. Each time a fault strikes, its
moment (monotonic clock) is appended to FAULTS.struck. A failed engine is loaded again at once.
"""

import functools
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from appliance.app import engine_runtime
from appliance.cli.main import main
from appliance.engines.espeak.library import Delivery, EspeakLibrary
from appliance.engines.slot import LadderContext
from appliance.engines.sphinx.decoder import SphinxDecoder as SphinxDecoder
from appliance.engines.whisper.decoder import WhisperDecoder as WhisperDecoder
from appliance.engines.whisper.window import DecodedWindow

FAULTS: Final = "FAULTS"
STALL_SECONDS: Final = 1.5  # more would slow the tests; less would fail on a busy machine
RAISES, HANGS, GARBAGE, DIES = "raises", "hangs", "garbage", "dies"
DAWDLES: Final = "dawdles"
DAWDLE_SECONDS: Final = 0.8 * STALL_SECONDS  # slow, but not yet counted as hanging

Call = Callable[..., Any]


def struck_file(faults: Path) -> Path:
    return faults.with_suffix(".struck")


def break_engines(faults: Path, faults_by_engine: Mapping[str, str]) -> None:
    """Replaces the faults atomically, as a library may read them at any moment."""
    new = faults.with_suffix(".new")
    new.write_text(json.dumps(faults_by_engine))
    new.replace(faults)


def _fault(engine: str) -> str:
    try:
        found = json.loads(Path(os.environ[FAULTS]).read_text())
    except FileNotFoundError:
        return ""
    return str(found.get(engine, ""))


def _strike(engine: str, fault: str) -> None:
    """Notes the moment, and fails as any library may. Returns for faults that need its result."""
    with struck_file(Path(os.environ[FAULTS])).open("a") as struck:
        struck.write(f"{time.monotonic()}\n")
    if fault == HANGS:
        while _fault(engine) == HANGS:
            threading.Event().wait(0.05)
    elif fault == DAWDLES:
        threading.Event().wait(DAWDLE_SECONDS)
    elif fault in (RAISES, DIES):
        raise RuntimeError("CUDA failed with error out of memory")


def _with_faults(engine: str, half: Call, garbage: Call) -> Callable[[Call], Call]:
    """Wraps a library's function in faults.

    `half` does part of the work before the call dies; `garbage` makes a senseless result.
    """

    def wrap(real: Call) -> Call:
        @functools.wraps(real)
        def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  whatever the library does
            fault = _fault(engine)
            if not fault:
                return real(*arguments, **named)
            if fault == DIES:
                half(real, *arguments, **named)
            _strike(engine, fault)
            if fault == GARBAGE:
                return garbage(real, *arguments, **named)
            return real(*arguments, **named)

        return call

    return wrap


def _all_of_it(real: Call, *arguments: object, **named: object) -> None:
    real(*arguments, **named)


def _no_numbers(_real: Call, _self: object, utterances: list[Any]) -> list[DecodedWindow]:
    return [DecodedWindow("!!!!", "en", float("nan"), 0.0, 4)] * len(utterances)


def _nothing(_real: Call, *_arguments: object, **_named: object) -> None:
    return None


def _no_sound(_real: Call, *_arguments: object, **_named: object) -> tuple[Any, int]:
    return np.full(12_000, np.nan, np.float32), 24_000


def _half_aloud(
    real: Call, self: EspeakLibrary, text: str, voice: str, how: Delivery, hear: Call
) -> None:
    """Speaks the first tenths of a second."""
    left = iter(range(4))
    real(self, text, voice, how, lambda samples: next(left, None) is not None and hear(samples))


def _half_samples(
    real: Call, self: EspeakLibrary, text: str, voice: str, how: Delivery, hear: Call
) -> None:
    """Cuts the last sample of every chunk in half."""
    real(self, text, voice, how, lambda samples: hear(samples[:-1]))


def install_faults() -> None:
    """Puts the faults between the engines and their libraries."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as the appliance does before it is loaded
    from kokoro_onnx import Kokoro

    whisper = _with_faults("whisper", _all_of_it, _no_numbers)
    sphinx = _with_faults("sphinx", _all_of_it, _nothing)
    kokoro = _with_faults("kokoro", _all_of_it, _no_sound)
    espeak = _with_faults("espeak", _half_aloud, _half_samples)
    for owner, name, wrap in (
        (WhisperDecoder, "decode", whisper),
        (SphinxDecoder, "decode", sphinx),
        (Kokoro, "create", kokoro),
        (EspeakLibrary, "speak", espeak),
    ):
        setattr(owner, name, wrap(getattr(owner, name)))
    # Short pauses, so that tests need not wait.
    os.environ["APPLIANCE__LIMITS__ENGINE_SECONDS"] = str(STALL_SECONDS)
    vars(engine_runtime)["LadderContext"] = functools.partial(LadderContext, retry_seconds=(0.1,))


if __name__ == "__main__":
    install_faults()
    main()
