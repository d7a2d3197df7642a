"""eSpeak NG by ctypes: the library in the espeakng-loader package, loaded once per process.

eSpeak keeps one global state, so every call holds one lock and sets everything it depends on.
kokoro-onnx's phonemizer loads its own copy of the library file, whose state is separate.
"""

import ctypes
import importlib.util
import re
import threading
from collections.abc import Callable, Iterator
from ctypes import (
    CDLL,
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_int,
    c_short,
    c_size_t,
    c_ubyte,
    c_uint,
    c_void_p,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.errors import EngineFailed, ModelBroken, ModelMissing

OnSamples = Callable[[bytes], bool]
"""Takes PCM at the library's rate; False ends the synthesis."""

_SYNCHRONOUS: Final = 2
_DONT_EXIT: Final = 0x8000
_UTF8: Final = 1
_POSITION_CHARACTER: Final = 1
_IPA: Final = 2
_CLAUSE_END: Final = re.compile(
    r"""([.!?,:;\u2013-\u2014…])[\s"'\u2018-\u201d»)\]]*(?:\s\S{1,2})?$"""
)
"""The mark that ends a clause, in the text that eSpeak consumed for it. Up to two characters of the
next clause may follow, because eSpeak reads ahead."""
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_UNCLIPPED: Final = 75
"""At the default of 100, eSpeak clips its louder voices."""
_BUFFER_MS: Final = 60
_SLOWEST, _FASTEST = 80, 450
_REINSTALL: Final = "Install the appliance again; the espeakng-loader package carries this file."

_Callback = CFUNCTYPE(c_int, POINTER(c_short), c_int, c_void_p)


class _VoiceInfo(Structure):
    _fields_ = (
        ("name", c_char_p),
        ("languages", c_char_p),
        ("identifier", c_char_p),
        ("gender", c_ubyte),
        ("age", c_ubyte),
        ("variant", c_ubyte),
        ("xx1", c_ubyte),
        ("score", c_int),
        ("spare", c_void_p),
    )


@dataclass(frozen=True, slots=True)
class Delivery:
    """Prosody: `rate` in words a minute; `pitch` and its `range` from 0 to 100 (default: 50)."""

    rate: int = 175
    pitch: int = 50
    range: int = 50


@dataclass(frozen=True, slots=True)
class Clause:
    """Phonemes of a clause in the International Phonetic Alphabet, and the mark that ends it.

    `mark` is empty where the clause ends without one, as at the end of a paragraph.
    """

    phonemes: str
    mark: str


class EspeakLibrary:
    """The loaded library. Its methods block and may be called from any thread."""

    def __init__(self, library: CDLL, data: Path) -> None:
        self._lock = threading.Lock()
        self._library = library
        path = str(data).encode()
        self.rate = library.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, path, _DONT_EXIT)
        if self.rate <= 0:
            raise ModelBroken(f"eSpeak NG cannot use its data in {data}", advice=_REINSTALL)

    def voices(self) -> dict[str, str]:
        """The languages it speaks ("en-us", "de", "pt-br"), each with its voice for `speak`."""
        with self._lock:
            listed = self._library.espeak_ListVoices(None)
            found: dict[str, str] = {}
            place = 0
            while listed[place]:
                voice = listed[place].contents
                # One priority byte, then the language: `\x05en-us\x00`.
                found.setdefault(voice.languages[1:].decode(), voice.identifier.decode())
                place += 1
        return found

    def speak(self, text: str, voice: str, delivery: Delivery, on_samples: OnSamples) -> None:
        """Speaks the text and hands over samples as they are made. Raises EngineFailed."""
        failures: list[BaseException] = []

        def receive(samples: "ctypes._Pointer[c_short]", count: int, _events: int) -> int:
            try:
                return int(count > 0 and not on_samples(ctypes.string_at(samples, 2 * count)))
            except BaseException as error:  # noqa: BLE001  C code must not be unwound through
                failures.append(error)
                return 1

        encoded = text.replace("\0", " ").encode()
        callback = _Callback(receive)
        with self._lock:
            self._prepare(voice, delivery)
            self._library.espeak_SetSynthCallback(callback)
            status = self._library.espeak_Synth(
                encoded, len(encoded) + 1, 0, _POSITION_CHARACTER, 0, _UTF8, None, None
            )
        if failures:
            raise failures[0]
        if status:
            raise EngineFailed(f"eSpeak NG failed with status {status}")

    def clauses(self, text: str, voice: str) -> list[Clause]:
        """The clauses of the text as the voice pronounces them. Raises EngineFailed."""
        encoded = text.replace("\0", " ").encode()
        with self._lock:
            self._set_voice(voice)
            # Speech that was cut short leaves a letter that eSpeak had read ahead.
            list(self._read_clauses(b" "))
            return list(self._read_clauses(encoded))

    def _read_clauses(self, encoded: bytes) -> Iterator[Clause]:
        buffer = ctypes.create_string_buffer(encoded)
        start = ctypes.addressof(buffer)
        position, begin = c_void_p(start), 0
        # eSpeak sets the position to NULL at the end of the text.
        while position.value is not None:
            spoken = self._library.espeak_TextToPhonemes(ctypes.byref(position), _UTF8, _IPA)
            end = len(encoded) if position.value is None else position.value - start
            found = _CLAUSE_END.search(encoded[begin:end].decode(errors="ignore"))
            begin = end
            yield Clause((spoken or b"").decode(), found[1] if found else "")

    def _set_voice(self, voice: str) -> None:
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise EngineFailed(f"eSpeak NG has no voice {voice!r}")

    def _prepare(self, voice: str, delivery: Delivery) -> None:
        library = self._library
        self._set_voice(voice)
        rate = max(_SLOWEST, min(_FASTEST, delivery.rate))
        for parameter, value in (
            (_RATE, rate),
            (_VOLUME, _UNCLIPPED),
            (_PITCH, delivery.pitch),
            (_RANGE, delivery.range),
        ):
            library.espeak_SetParameter(parameter, value, 0)


_loading = threading.Lock()
_loaded: list[EspeakLibrary] = []


def espeak_library() -> EspeakLibrary:
    """The only eSpeak NG of the process, initialised at the first call, which blocks for some ms.

    It is never terminated, as another user might still need it. Raises ModelMissing or
    ModelBroken.
    """
    with _loading:
        if not _loaded:
            _loaded.append(_load())
        return _loaded[0]


def _load() -> EspeakLibrary:
    spec = importlib.util.find_spec("espeakng_loader")
    if spec is None or not spec.submodule_search_locations:
        raise ModelMissing("the espeakng-loader package is not installed", advice=_REINSTALL)
    package = Path(spec.submodule_search_locations[0])
    file, data = package / "libespeak-ng.so", package / "espeak-ng-data"
    for path in (file, data / "phondata"):
        if not path.is_file():
            raise ModelMissing(f"{path} is missing", advice=_REINSTALL)
    try:
        loaded = CDLL(str(file))
        loaded.espeak_Initialize.argtypes = [c_int, c_int, c_char_p, c_int]
        loaded.espeak_ListVoices.argtypes = [c_void_p]
        loaded.espeak_ListVoices.restype = POINTER(POINTER(_VoiceInfo))
        loaded.espeak_SetVoiceByName.argtypes = [c_char_p]
        loaded.espeak_SetParameter.argtypes = [c_int, c_int, c_int]
        loaded.espeak_SetSynthCallback.argtypes = [_Callback]
        loaded.espeak_SetSynthCallback.restype = None
        loaded.espeak_Synth.argtypes = [
            c_char_p, c_size_t, c_uint, c_int, c_uint, c_uint, POINTER(c_uint), c_void_p
        ]  # fmt: skip
        loaded.espeak_TextToPhonemes.argtypes = [POINTER(c_void_p), c_int, c_int]
        loaded.espeak_TextToPhonemes.restype = c_char_p
    except (OSError, AttributeError) as error:
        raise ModelBroken(f"{file} cannot be used: {error}", advice=_REINSTALL) from error
    return EspeakLibrary(loaded, data)
