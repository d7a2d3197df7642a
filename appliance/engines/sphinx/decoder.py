"""PocketSphinx decoder, by ctypes: the C functions that the wheel's extension module exports.

The wheel's own Python class holds the interpreter's lock for a whole decode (its source has no
`nogil`), which would stop the event loop; ctypes releases it. A decoder serves one thread at a
time. Every search starts from the same state: cepstral means are taken over the utterance alone
(`full_utt`, CMN batch) and the noise tracker is reset, so that no speaker influences the next.
"""

import ctypes
import importlib.machinery
import importlib.util
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from ctypes import (
    CDLL,
    POINTER,
    byref,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int32,
    c_size_t,
    c_void_p,
)
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from appliance.engines.memory_file import memory_file
from appliance.errors import EngineFailed, ModelBroken, ModelMissing

# Fewer word ends and states a frame than by default, and no second pass over the words: a quarter
# of the time at the same word error rate on English speech.
_SETTINGS: Final = {"loglevel": "FATAL", "maxhmmpf": 3000, "maxwpf": 5, "fwdflat": False}
_LANGUAGE_WEIGHT: Final = 1.5
"""Weight of the probability of a path through the graph. PocketSphinx's default, 6.5, is made for
n-grams; here it would prefer one rare word ("chicken timer") to two usual ones ("set a timer")."""

_SCORE_UNIT: Final = 1024 * math.log(1.0001)
"""Scores are in steps of `logbase` 1.0001, shifted by 10 bits except for the lattice's."""

_REINSTALL = "Install the appliance again; the pocketsphinx package carries this file."


class Search(Enum):
    """The searches of a decoder; the value is the name inside PocketSphinx."""

    GRAMMAR = "grammar"
    """The spoken commands, nothing else."""
    PHONES = "phones"
    """Any phones in any order: the upper bound on how well the audio can be explained."""
    NGRAM = "ngram"
    """American English at large."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The best path of one search.

    `words` leaves out silences and noises; `frames` (of 10 ms) is how long the words take. `score`
    is the acoustic log-likelihood (natural log) of the whole path, silences and noises included,
    relative to the best senone of each frame: comparable between searches over the same audio.
    """

    search: Search
    words: tuple[str, ...]
    score: float
    frames: int

    @property
    def text(self) -> str:
        return " ".join(self.words)


_SIGNATURES: Mapping[str, tuple[object, list[object]]] = {
    "ps_config_parse_json": (c_void_p, [c_void_p, c_char_p]),
    "ps_config_free": (c_int, [c_void_p]),
    "ps_config_set_bool": (c_void_p, [c_void_p, c_char_p, c_int]),
    "ps_config_set_float": (c_void_p, [c_void_p, c_char_p, c_double]),
    "ps_get_config": (c_void_p, [c_void_p]),
    "ps_get_logmath": (c_void_p, [c_void_p]),
    "ps_init": (c_void_p, [c_void_p]),
    "ps_free": (c_int, [c_void_p]),
    "ps_add_jsgf_string": (c_int, [c_void_p, c_char_p, c_char_p]),
    "fsg_model_readfile": (c_void_p, [c_char_p, c_void_p, c_float]),
    "fsg_model_free": (c_int, [c_void_p]),
    "ps_add_fsg": (c_int, [c_void_p, c_char_p, c_void_p]),
    "ps_add_allphone_file": (c_int, [c_void_p, c_char_p, c_char_p]),
    "ps_add_lm_file": (c_int, [c_void_p, c_char_p, c_char_p]),
    "ps_activate_search": (c_int, [c_void_p, c_char_p]),
    "ps_lookup_word": (c_void_p, [c_void_p, c_char_p]),
    "ckd_free": (None, [c_void_p]),
    "ps_start_stream": (c_int, [c_void_p]),
    "ps_start_utt": (c_int, [c_void_p]),
    "ps_process_raw": (c_int, [c_void_p, c_char_p, c_size_t, c_int, c_int]),
    "ps_end_utt": (c_int, [c_void_p]),
    "ps_seg_iter": (c_void_p, [c_void_p]),
    "ps_seg_next": (c_void_p, [c_void_p]),
    "ps_seg_word": (c_char_p, [c_void_p]),
    "ps_seg_frames": (None, [c_void_p, POINTER(c_int), POINTER(c_int)]),
    "ps_seg_prob": (
        c_int32,
        [c_void_p, POINTER(c_int32), POINTER(c_int32), POINTER(c_int32)],
    ),
}


class SphinxDecoder:
    """A loaded acoustic model with three searches over it."""

    def __init__(self, grammar: str) -> None:
        """Loads the model of the pocketsphinx wheel, and a grammar (see `set_grammar`).

        Blocks for about half a second. Raises ModelMissing, ModelBroken, or EngineFailed for a
        grammar that PocketSphinx does not understand.
        """
        package = _package()
        model = package / "model" / "en-us"
        self._lib = _library(package)
        self._ps = self._open(model)
        with ExitStack() as undo:
            undo.callback(self.close)
            self._add_searches(model)
            self.set_grammar(grammar)
            undo.pop_all()

    def _open(self, model: Path) -> int:
        for file in (model / "en-us" / "mdef", model / "cmudict-en-us.dict"):
            if not file.is_file():
                raise ModelMissing(f"{file} is missing", advice=_REINSTALL)
        paths = {"hmm": str(model / "en-us"), "dict": str(model / "cmudict-en-us.dict")}
        settings = json.dumps({**paths, **_SETTINGS}).encode()
        config = self._lib.ps_config_parse_json(None, settings)
        decoder = self._lib.ps_init(config) if config else None
        if config:
            self._lib.ps_config_free(config)
        if not decoder:
            raise ModelBroken(f"PocketSphinx cannot load {model}", advice=_REINSTALL)
        return int(decoder)

    def set_grammar(self, grammar: str) -> None:
        """Replaces the grammar, a word graph in Sphinx's own text form (FSG) or JSGF. Blocks.

        Raises EngineFailed, and keeps the grammar before, where PocketSphinx does not understand
        the new one.
        """
        lib, ps = self._lib, self._ps
        # PocketSphinx must not be using the search that is replaced.
        lib.ps_activate_search(ps, Search.PHONES.value.encode())
        config = lib.ps_get_config(ps)
        # The lattice pass prunes correct results of a grammar; only the n-grams gain by it.
        lib.ps_config_set_bool(config, b"bestpath", 0)
        # The grammar is small: wider beams cost little and prune fewer sentences half way.
        _set_beams(lib, config, beam=1e-60, word=1e-40)
        if not self._add_grammar(grammar):
            raise EngineFailed("PocketSphinx does not understand the grammar of spoken sentences")

    def _add_searches(self, model: Path) -> None:
        lib, ps = self._lib, self._ps
        # PocketSphinx reads the settings when a search is added, so that each has its own.
        config = lib.ps_get_config(ps)
        _set_beams(lib, config, beam=1e-48, word=7e-29)  # PocketSphinx's defaults
        # Phones without context take a third of the time and serve the comparison as well.
        lib.ps_config_set_bool(config, b"allphone_ci", 1)
        lib.ps_add_allphone_file(ps, Search.PHONES.value.encode(), None)
        lib.ps_config_set_bool(config, b"bestpath", 1)
        language_model = model / "en-us.lm.bin"
        if lib.ps_add_lm_file(ps, Search.NGRAM.value.encode(), str(language_model).encode()) < 0:
            raise ModelBroken(f"PocketSphinx cannot load {language_model}", advice=_REINSTALL)

    def _add_grammar(self, grammar: str) -> bool:
        lib, ps, name = self._lib, self._ps, Search.GRAMMAR.value.encode()
        if grammar.startswith("#JSGF"):
            return bool(lib.ps_add_jsgf_string(ps, name, grammar.encode()) >= 0)
        with memory_file(grammar.encode()) as path:
            graph = lib.fsg_model_readfile(path.encode(), lib.ps_get_logmath(ps), _LANGUAGE_WEIGHT)
        if not graph:
            return False
        added = lib.ps_add_fsg(ps, name, graph)
        lib.fsg_model_free(graph)
        return bool(added >= 0)

    def decode(self, search: Search, audio: bytes) -> Hypothesis:
        """Decodes one whole utterance (16 kHz PCM) with one search. Blocks. Raises EngineFailed."""
        lib, ps = self._lib, self._ps
        if not ps:
            raise EngineFailed("the PocketSphinx decoder is closed")
        samples = len(audio) // 2
        steps = (
            lib.ps_activate_search(ps, search.value.encode()),
            lib.ps_start_stream(ps),
            lib.ps_start_utt(ps),
            lib.ps_process_raw(ps, audio, samples, 0, 1) if samples else 0,
            lib.ps_end_utt(ps),
        )
        if min(steps) < 0:
            raise EngineFailed(f"PocketSphinx failed in its {search.value} search: {steps}")
        unit = _SCORE_UNIT / 1024 if search is Search.NGRAM else _SCORE_UNIT
        return _hypothesis(search, list(self._segments()), unit)

    def _segments(self) -> Iterator[tuple[str, int, int]]:
        """(word, frames, acoustic score) along the best path. The C iterator frees itself."""
        lib = self._lib
        first, last, acoustic, unused = c_int(), c_int(), c_int32(), c_int32()
        segment = lib.ps_seg_iter(self._ps)
        while segment:
            word = lib.ps_seg_word(segment).decode()
            lib.ps_seg_frames(segment, byref(first), byref(last))
            lib.ps_seg_prob(segment, byref(acoustic), byref(unused), byref(unused))
            yield word, last.value - first.value + 1, acoustic.value
            segment = lib.ps_seg_next(segment)

    def phones(self, found: Hypothesis) -> tuple[str, ...]:
        """The phones of a hypothesis, with the first pronunciation of each word."""
        if found.search is Search.PHONES:
            return found.words
        return tuple(phone for word in found.words for phone in self._pronunciation(word))

    def _pronunciation(self, word: str) -> list[str]:
        pointer = self._lib.ps_lookup_word(self._ps, word.encode())
        if not pointer:
            return []
        phones = ctypes.string_at(pointer).decode()
        self._lib.ckd_free(pointer)
        return phones.split()

    def close(self) -> None:
        """Frees the decoder. Closing twice is closing once."""
        decoder, self._ps = self._ps, 0
        if decoder:
            self._lib.ps_free(decoder)


def dictionary_words() -> frozenset[str]:
    """Every word of the wheel's dictionary, in lower case. Reads the file: some 100 ms."""
    file = _package() / "model" / "en-us" / "cmudict-en-us.dict"
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ModelMissing(f"{file} cannot be read: {error}", advice=_REINSTALL) from error
    return frozenset(line.partition(" ")[0].partition("(")[0] for line in lines) - {""}


def _package() -> Path:
    spec = importlib.util.find_spec("pocketsphinx")
    if spec is None or not spec.submodule_search_locations:
        raise ModelMissing("the pocketsphinx package is not installed", advice=_REINSTALL)
    return Path(spec.submodule_search_locations[0])


def _library(package: Path) -> CDLL:
    suffixes = importlib.machinery.EXTENSION_SUFFIXES
    files = [package / f"_pocketsphinx{suffix}" for suffix in suffixes]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        raise ModelMissing(f"{package} carries no _pocketsphinx library", advice=_REINSTALL)
    try:
        library = CDLL(str(file))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise ModelBroken(f"{file} cannot be used: {error}", advice=_REINSTALL) from error
    return library


def _set_beams(library: CDLL, config: int, *, beam: float, word: float) -> None:
    for name, width in ((b"beam", beam), (b"pbeam", beam), (b"wbeam", word)):
        library.ps_config_set_float(config, name, width)


def _hypothesis(search: Search, segments: list[tuple[str, int, int]], unit: float) -> Hypothesis:
    spoken = [part for part in segments if not _is_filler(part[0])]
    return Hypothesis(
        search=search,
        words=tuple(part[0].partition("(")[0] for part in spoken),
        score=unit * sum(part[2] for part in segments),
        frames=sum(part[1] for part in spoken),
    )


def _is_filler(word: str) -> bool:
    """Whether it is a silence or noise: <s>, <sil>, [NOISE], (NULL); SIL and +SPN+ as phones."""
    return word[:1] in "<[(+" or word == "SIL"
