"""PocketSphinx as a transcriber: the starter engine of speech recognition.

It decodes with a grammar of the spoken commands, checks the result against a free loop of phones
and, where these two do not decide, against the n-gram model of its wheel. Speech that is no
command is returned as n-gram text, for a language model to interpret.
"""

import asyncio
import logging
import queue
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from appliance.audio.format import INPUT_RATE
from appliance.audio.split import loudness, pieces
from appliance.engines import Ticket, Transcript
from appliance.engines.sphinx.confidence import (
    CommandVerdict,
    SearchPath,
    confidence,
    first_look,
    transcript_confidence,
)
from appliance.engines.sphinx.decoder import Hypothesis, Search, SphinxDecoder, dictionary_words
from appliance.engines.worker import WorkerPool
from appliance.errors import EngineFailed

log = logging.getLogger(__name__)

T = TypeVar("T")

Grammar = Callable[[], str]

_LONGEST_COMMAND: Final = 10.0
"""Seconds. Longer speech is no command, and is not decoded with the grammar."""
_LONGEST_PIECE, _CUT_WITHIN = 15.0, 3.0
"""Seconds. Longer audio is decoded in pieces, so that other requests are served in between."""
_FEWEST_FRAMES: Final = 15
"""Frames of 10 ms. Shorter speech is a click; the shortest command takes 30."""
_QUIETEST: Final = 10 ** (-60 / 20)
"""-60 dB of full scale; a room is louder even when nobody speaks."""
_MIN_CONFIDENCE: Final = 0.02
"""N-gram transcripts of noise have less."""


class Sphinx:
    """A Transcriber on PocketSphinx, with one decoder per thread. American English only."""

    name = "sphinx"
    # The grammar knows whole sentences only.
    supports_interim = False

    def __init__(
        self, workers: WorkerPool, decoders: list[SphinxDecoder], grammar: Grammar, loaded: str
    ) -> None:
        """Called by `load`."""
        self._workers = workers
        self._grammar = grammar
        # The latest grammar that each decoder was given, whether it could use it or not.
        self._given = dict.fromkeys(decoders, loaded)
        self._decoders = decoders
        self._free: queue.SimpleQueue[SphinxDecoder] = queue.SimpleQueue()
        for decoder in decoders:
            self._free.put(decoder)

    @classmethod
    async def load(cls, grammar: str | Grammar, *, threads: int = 2) -> "Sphinx":
        """Loads the engine with a grammar (Sphinx's FSG text, or JSGF) and warms it up.

        Takes half a second and 95 MB per thread. A callable is called before each utterance and
        must return at once. Every word of the grammar has to be in `known_words()`. Raises
        ModelMissing, ModelBroken or EngineFailed.
        """
        workers = WorkerPool("sphinx", threads)
        current = grammar if callable(grammar) else lambda: grammar
        loaded = current()
        async with workers.close_on_failure():
            loads = [workers.run(_load_decoder, loaded) for _ in range(threads)]
            return cls(workers, list(await asyncio.gather(*loads)), current, loaded)

    @property
    def is_idle(self) -> bool:
        return self._workers.is_idle

    @property
    def stuck_seconds(self) -> float:
        return self._workers.stuck_seconds

    @staticmethod
    async def known_words() -> frozenset[str]:
        """Every word that a grammar may use, in lower case."""
        return await asyncio.to_thread(dictionary_words)

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        """The sentence of a command, else n-gram text, else empty. Raises EngineFailed."""
        audio = audio[: len(audio) // 2 * 2]
        if len(audio) <= 2 * INPUT_RATE * _LONGEST_COMMAND:
            search = partial(_transcribe_command, is_abandoned=self._workers.is_abandoned)
            return await self._with_decoder(search, audio, ticket)
        parts = [
            await self._with_decoder(_transcribe_freely, piece, ticket)
            for piece in pieces(audio, _LONGEST_PIECE, _CUT_WITHIN)
        ]
        heard = [part for part in parts if part.text]
        trust = [part.confidence or 0.0 for part in heard]
        return Transcript(
            " ".join(part.text for part in heard),
            confidence=sum(trust) / len(trust) if trust else 0.0,
        )

    async def _with_decoder(
        self, work: Callable[[SphinxDecoder, bytes], T], audio: bytes, ticket: Ticket | None
    ) -> T:
        def borrow() -> T:
            # There are as many decoders as threads, so one is always free here.
            decoder = self._free.get_nowait()
            try:
                self._update_grammar(decoder)
                return work(decoder, audio)
            finally:
                self._free.put(decoder)

        return await self._workers.run(borrow, ticket=ticket)

    def _update_grammar(self, decoder: SphinxDecoder) -> None:
        grammar = self._grammar()
        if grammar == self._given[decoder]:
            return
        self._given[decoder] = grammar
        try:
            decoder.set_grammar(grammar)
        except EngineFailed as error:
            log.error("the new sentences cannot be recognised: %s", error.message)

    async def close(self) -> None:
        await self._workers.close()
        for decoder in self._decoders:
            decoder.close()


def _load_decoder(grammar: str) -> SphinxDecoder:
    decoder = SphinxDecoder(grammar)
    silence = bytes(INPUT_RATE)
    for search in Search:
        decoder.decode(search, silence)
    return decoder


def _transcribe_command(
    decoder: SphinxDecoder, audio: bytes, *, is_abandoned: Callable[[], bool] = lambda: False
) -> Transcript:
    """The transcript of a short utterance, possibly a command; empty once abandoned. Blocks."""
    if loudness(audio) < _QUIETEST:
        return Transcript("", confidence=0.0)
    audio = _with_room_noise(audio)
    phones = _path(decoder, decoder.decode(Search.PHONES, audio))
    if phones.frames < _FEWEST_FRAMES or is_abandoned():
        return Transcript("", confidence=0.0)
    command = decoder.decode(Search.GRAMMAR, audio)
    grammar = _path(decoder, command)
    verdict = first_look(grammar, phones)
    if verdict is CommandVerdict.COMMAND:
        return Transcript(command.text, confidence=confidence(grammar, phones))
    if is_abandoned():
        return Transcript("", confidence=0.0)
    words = decoder.decode(Search.NGRAM, audio)
    ngram = _path(decoder, words)
    if verdict is CommandVerdict.UNSURE:
        trust = confidence(grammar, phones, ngram)
        if trust > 0.5:
            return Transcript(command.text, confidence=trust)
    return _ngram_transcript(words, ngram, phones)


def _transcribe_freely(decoder: SphinxDecoder, audio: bytes) -> Transcript:
    """The n-gram transcript of any speech. Blocks."""
    if loudness(audio) < _QUIETEST:
        return Transcript("", confidence=0.0)
    audio = _with_room_noise(audio)
    words = decoder.decode(Search.NGRAM, audio)
    phones = _path(decoder, decoder.decode(Search.PHONES, audio))
    return _ngram_transcript(words, _path(decoder, words), phones)


def _with_room_noise(audio: bytes) -> bytes:
    """Adds the noise of a quiet room (-66 dB), the same every time.

    Digital silence, as browsers send it between words, is unknown to the acoustic model: it
    distorts the cepstral mean, and with it every word.
    """
    import numpy as np  # here, because importing the package loads nothing heavy

    samples = np.frombuffer(audio, dtype="<i2")
    noise = np.random.default_rng(0).normal(0, 16, samples.size)
    return np.clip(samples + noise, -32768, 32767).astype("<i2").tobytes()


def _ngram_transcript(words: Hypothesis, ngram: SearchPath, phones: SearchPath) -> Transcript:
    trust = transcript_confidence(ngram, phones)
    return Transcript(words.text if trust >= _MIN_CONFIDENCE else "", confidence=trust)


def _path(decoder: SphinxDecoder, found: Hypothesis) -> SearchPath:
    return SearchPath(found.score, found.frames, decoder.phones(found))
