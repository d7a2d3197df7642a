"""The appliance on libraries that fail when a test says so: python -m tests.faulty run

FAULTS names a file of JSON, from an engine to what is wrong with its library: {"kokoro": "hangs"}.
It is read whenever a library is called, on the engine's own thread; where it strikes, the moment
(of the monotonic clock) is written behind FAULTS.struck. What failed is tried again at once.
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
from appliance.engines.espeak.library import Library
from appliance.engines.ladder import LadderContext
from appliance.engines.sphinx.decoder import SphinxDecoder as SphinxDecoder
from appliance.engines.whisper.decoder import WhisperDecoder as WhisperDecoder
from appliance.engines.whisper.window import DecodedWindow

FAULTS: Final = "FAULTS"
PATIENCE_SECONDS: Final = 1.5  # a busy machine takes its time, too
RAISES, HANGS, GARBAGE, DIES = "raises", "hangs", "garbage", "dies"
DAWDLES: Final = "dawdles"
DAWDLE_SECONDS: Final = 0.8 * PATIENCE_SECONDS  # slow, and not yet taken to hang

Call = Callable[..., Any]


def struck_file(faults: Path) -> Path:
    return faults.with_suffix(".struck")


def break_engines(faults: Path, how: Mapping[str, str]) -> None:
    """At once: a library may be asking at this very moment."""
    new = faults.with_suffix(".new")
    new.write_text(json.dumps(how))
    new.replace(faults)


def _fault(engine: str) -> str:
    try:
        found = json.loads(Path(os.environ[FAULTS]).read_text())
    except FileNotFoundError:
        return ""
    return str(found.get(engine, ""))


def _strike(engine: str, fault: str) -> None:
    """Writes down when, and does what every library may do. Returns where it is not that."""
    with struck_file(Path(os.environ[FAULTS])).open("a") as struck:
        struck.write(f"{time.monotonic()}\n")
    if fault == HANGS:
        while _fault(engine) == HANGS:
            threading.Event().wait(0.05)
    elif fault == DAWDLES:
        threading.Event().wait(DAWDLE_SECONDS)
    elif fault in (RAISES, DIES):
        raise RuntimeError("CUDA failed with error out of memory")


def _spoilt(engine: str, half: Call, garbage: Call) -> Callable[[Call], Call]:
    """A library's call that fails as it is told: `half` does part of the work before it dies."""

    def around(real: Call) -> Call:
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

    return around


def _all_of_it(real: Call, *arguments: object, **named: object) -> None:
    real(*arguments, **named)


def _no_numbers(_real: Call, _self: object, utterances: list[Any]) -> list[DecodedWindow]:
    return [DecodedWindow("!!!!", "en", float("nan"), 0.0, 4)] * len(utterances)


def _nothing(_real: Call, *_arguments: object, **_named: object) -> None:
    return None


def _no_sound(_real: Call, *_arguments: object, **_named: object) -> tuple[Any, int]:
    return np.full(12_000, np.nan, np.float32), 24_000


def _half_aloud(real: Call, self: Library, text: str, voice: str, how: Any, hear: Call) -> None:  # noqa: ANN401
    """The first tenths of a second, and then the library goes away."""
    left = iter(range(4))
    real(self, text, voice, how, lambda samples: next(left, None) is not None and hear(samples))


def _half_samples(real: Call, self: Library, text: str, voice: str, how: Any, hear: Call) -> None:  # noqa: ANN401
    """What is no whole number of samples."""
    real(self, text, voice, how, lambda samples: hear(samples[:-1]))


def spoil() -> None:
    """Puts the faults between the engines and their libraries."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as the appliance does before it is loaded
    from kokoro_onnx import Kokoro

    whisper = _spoilt("whisper", _all_of_it, _no_numbers)
    sphinx = _spoilt("sphinx", _all_of_it, _nothing)
    kokoro = _spoilt("kokoro", _all_of_it, _no_sound)
    espeak = _spoilt("espeak", _half_aloud, _half_samples)
    for owner, name, around in (
        (WhisperDecoder, "decode", whisper),
        (SphinxDecoder, "decode", sphinx),
        (Kokoro, "create", kokoro),
        (Library, "speak", espeak),
    ):
        setattr(owner, name, around(getattr(owner, name)))
    # So that a test need not wait.
    os.environ["APPLIANCE__LIMITS__ENGINE_SECONDS"] = str(PATIENCE_SECONDS)
    vars(engine_runtime)["LadderContext"] = functools.partial(LadderContext, retry_seconds=(0.1,))


if __name__ == "__main__":
    spoil()
    main()
