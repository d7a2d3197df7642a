"""PocketSphinx as a transcriber: the starter engine for hearing.

It listens with a grammar of the spoken commands, checks what that heard against a free loop of
phones and, where these two do not settle it, against the n-gram model of its wheel. What is no
command comes back as the n-gram text, for a language model to make sense of.
"""

import asyncio
import logging
import queue
from collections.abc import Callable
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
"""Seconds; what is longer is no command, and the grammar is not even asked."""
_LONGEST_PIECE, _CUT_WITHIN = 15.0, 3.0
"""Seconds; longer audio is decoded piece by piece, so that others get their turn in between."""
_FEWEST_FRAMES: Final = 15
"""Speech shorter than this (in frames of 10 ms) is a click; the shortest command takes 30."""
_QUIETEST: Final = 10 ** (-60 / 20)
"""Full scale is 1; a room is louder than this even when nobody speaks."""
_LEAST_TRUST: Final = 0.02
"""An n-gram transcript under this is what noise looks like."""


class Sphinx:
    """A Transcriber on PocketSphinx with as many decoders as threads. American English only."""

    name = "sphinx"
    # It listens for whole sentences.
    supports_interim = False

    def __init__(
        self, workers: WorkerPool, decoders: list[SphinxDecoder], grammar: Grammar, known: str
    ) -> None:
        """Made by `load`."""
        self._workers = workers
        self._grammar = grammar
        # What each decoder listens for, or could not be made to.
        self._known = dict.fromkeys(decoders, known)
        self._decoders = decoders
        self._free: queue.SimpleQueue[SphinxDecoder] = queue.SimpleQueue()
        for decoder in decoders:
            self._free.put(decoder)

    @classmethod
    async def load(cls, grammar: str | Grammar, *, threads: int = 2) -> "Sphinx":
        """The engine, warm, listening for `grammar` (Sphinx's FSG text, or JSGF).

        What tells the grammar is asked again before each utterance, and must return at once. It
        takes about half a second and 95 MB per thread. Every word of a grammar has to be in
        `known_words()`. Raises ModelMissing, ModelBroken or EngineFailed.
        """
        workers = WorkerPool("sphinx", threads)
        now = grammar if callable(grammar) else lambda: grammar
        known = now()
        async with workers.close_on_failure():
            loads = [workers.run(_warm_decoder, known) for _ in range(threads)]
            return cls(workers, list(await asyncio.gather(*loads)), now, known)

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
        """One utterance to the sentence of a command, else to n-gram text, else to nothing.

        Raises EngineFailed.
        """
        audio = audio[: len(audio) // 2 * 2]
        if len(audio) <= 2 * INPUT_RATE * _LONGEST_COMMAND:
            return await self._with_decoder(_hear, audio, ticket)
        parts = [
            await self._with_decoder(_hear_freely, piece, ticket)
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
        def borrowed() -> T:
            # There are as many decoders as threads, so one is always free here.
            decoder = self._free.get_nowait()
            try:
                self._bring_up_to_date(decoder)
                return work(decoder, audio)
            finally:
                self._free.put(decoder)

        return await self._workers.run(borrowed, ticket=ticket)

    def _bring_up_to_date(self, decoder: SphinxDecoder) -> None:
        grammar = self._grammar()
        if grammar == self._known[decoder]:
            return
        self._known[decoder] = grammar
        try:
            decoder.listen_for(grammar)
        except EngineFailed as error:
            log.error("the sentences heard are those of before: %s", error.message)

    async def close(self) -> None:
        await self._workers.close()
        for decoder in self._decoders:
            decoder.close()


def _warm_decoder(grammar: str) -> SphinxDecoder:
    decoder = SphinxDecoder(grammar)
    silence = bytes(INPUT_RATE)
    for search in Search:
        decoder.decode(search, silence)
    return decoder


def _hear(decoder: SphinxDecoder, audio: bytes) -> Transcript:
    """A command or not, on an engine thread."""
    if loudness(audio) < _QUIETEST:
        return Transcript("", confidence=0.0)
    audio = _with_room_noise(audio)
    phones = _path(decoder, decoder.decode(Search.PHONES, audio))
    if phones.frames < _FEWEST_FRAMES:
        return Transcript("", confidence=0.0)
    command = decoder.decode(Search.GRAMMAR, audio)
    grammar = _path(decoder, command)
    verdict = first_look(grammar, phones)
    if verdict is CommandVerdict.COMMAND:
        return Transcript(command.text, confidence=confidence(grammar, phones))
    words = decoder.decode(Search.NGRAM, audio)
    ngram = _path(decoder, words)
    if verdict is CommandVerdict.UNSURE:
        trust = confidence(grammar, phones, ngram)
        if trust > 0.5:
            return Transcript(command.text, confidence=trust)
    return _trusted(words, ngram, phones)


def _hear_freely(decoder: SphinxDecoder, audio: bytes) -> Transcript:
    """Any English, on an engine thread."""
    if loudness(audio) < _QUIETEST:
        return Transcript("", confidence=0.0)
    audio = _with_room_noise(audio)
    words = decoder.decode(Search.NGRAM, audio)
    phones = _path(decoder, decoder.decode(Search.PHONES, audio))
    return _trusted(words, _path(decoder, words), phones)


def _with_room_noise(audio: bytes) -> bytes:
    """Adds the noise of a quiet room (-66 dB), the same every time.

    Digital silence, as browsers send it between words, has no place in the acoustic model: it
    spoils the cepstral mean, and with it every word.
    """
    import numpy as np  # here, because importing the package loads nothing heavy

    samples = np.frombuffer(audio, dtype="<i2")
    noise = np.random.default_rng(0).normal(0, 16, samples.size)
    return np.clip(samples + noise, -32768, 32767).astype("<i2").tobytes()


def _trusted(words: Hypothesis, ngram: SearchPath, phones: SearchPath) -> Transcript:
    trust = transcript_confidence(ngram, phones)
    return Transcript(words.text if trust >= _LEAST_TRUST else "", confidence=trust)


def _path(decoder: SphinxDecoder, found: Hypothesis) -> SearchPath:
    return SearchPath(found.score, found.frames, decoder.phones(found))
