import asyncio

import pytest

from appliance.audio.format import INPUT_RATE
from appliance.engines import Voice
from appliance.engines.espeak.engine import Espeak
from appliance.engines.sphinx.engine import Sphinx
from appliance.errors import EngineFailed
from tests.engines.conftest import GRAMMAR
from tests.engines.sound import (
    as_input,
    noise,
    recording,
    silence,
    spoken,
    turns_during,
)

COMMANDS = (
    "what time is it",
    "set a timer for five minutes",
    "repeat that",
    "what can you do",
    "what is the date today",
    "how hot are you",
)
OTHERS = (
    "what is the capital of france",
    "tell me a joke",
    "could you translate hello into spanish",
    "what is the best pizza in town",
    "turn on the kitchen light",
    "how much does a ticket cost",
)
CONFUSIONS = {*COMMANDS, "tell me the time", "what is the time", "how much memory is free"}


def sentence(text: str) -> bytes:
    return recording("speech", text.replace(" ", "_") + ".wav")


@pytest.mark.parametrize("text", COMMANDS)
async def test_commands_are_recognised(sphinx: Sphinx, text: str) -> None:
    heard = await sphinx.transcribe(sentence(text))
    assert heard.text == text
    assert heard.confidence is not None
    assert heard.confidence > 0.5


@pytest.mark.parametrize("text", OTHERS)
async def test_other_speech_becomes_free_text(sphinx: Sphinx, text: str) -> None:
    heard = await sphinx.transcribe(sentence(text))
    assert heard.text not in CONFUSIONS
    assert set(heard.text.split()) & set(text.split())
    assert heard.confidence is not None
    assert 0 < heard.confidence < 1


@pytest.mark.slow
async def test_pieces_of_human_speech_are_no_commands(sphinx: Sphinx) -> None:
    commands = []
    for name in ("jfk.wav", "harvard.wav"):
        audio = recording("audio", name)
        size = 2 * INPUT_RATE * 2
        for start in range(0, len(audio) - size, size):
            heard = await sphinx.transcribe(silence(0.2) + audio[start : start + size])
            first = heard.text.split()[:1]
            # Every command except "stop" and the like has at least two words.
            if first and first[0] in {"what", "set", "start", "cancel", "how", "tell", "repeat"}:
                commands.append(heard)
    assert len(commands) <= 1, commands


async def test_sphinx_understands_espeak(sphinx: Sphinx, espeak: Espeak) -> None:
    understood = 0
    for text in COMMANDS:
        said = as_input(await spoken(espeak, text, Voice()))
        understood += (await sphinx.transcribe(said)).text == text
    assert understood >= 4


@pytest.mark.parametrize(
    "audio",
    [
        b"",
        b"\1",
        silence(2),
        silence(0.02),
        noise(5),
        noise(100),
        noise(1000),
        noise(8000),
        noise(3000, smoothing=8),
        noise(1000, smoothing=64),
    ],
    ids=lambda audio: f"{len(audio)} bytes",
)
async def test_no_text_without_speech(sphinx: Sphinx, audio: bytes) -> None:
    assert (await sphinx.transcribe(audio)).text == ""


async def test_an_odd_last_byte_is_ignored(sphinx: Sphinx) -> None:
    assert (await sphinx.transcribe(sentence("repeat that") + b"\1")).text == "repeat that"


@pytest.mark.slow
async def test_long_speech_is_transcribed_to_its_end(sphinx: Sphinx) -> None:
    whole = recording("audio", "harvard.wav")
    heard = await sphinx.transcribe(whole)
    assert "smell of old" in heard.text
    assert "hot cross" in heard.text
    assert heard.confidence is not None
    assert heard.confidence > 0.5


async def test_the_event_loop_runs_while_it_transcribes(sphinx: Sphinx) -> None:
    audio = sentence("what is the capital of france")
    heard, turns = await turns_during(lambda: sphinx.transcribe(audio), 10)
    assert heard.text
    # A decode takes some 100 ms; if it blocked the loop, there would be one turn.
    assert turns > 10


async def test_concurrent_requests_are_all_transcribed(sphinx: Sphinx) -> None:
    texts = COMMANDS[:3] * 2
    heard = await asyncio.gather(*(sphinx.transcribe(sentence(text)) for text in texts))
    assert [one.text for one in heard] == list(texts)


async def test_the_grammar_may_change(caplog: pytest.LogCaptureFixture) -> None:
    grammars = [GRAMMAR]
    engine = await Sphinx.load(lambda: grammars[-1], threads=1)
    cost = "how much does a ticket cost"
    assert (await engine.transcribe(sentence(cost))).text != cost
    grammars.append(GRAMMAR.replace("be quiet", "how much does a (ticket | house) cost"))
    for _ in range(2):
        assert (await engine.transcribe(sentence(cost))).text == cost
        assert (await engine.transcribe(sentence("repeat that"))).text == "repeat that"
    grammars.append("nonsense")
    for _ in range(2):
        assert (await engine.transcribe(sentence(cost))).text == cost
    assert caplog.text.count("the new sentences cannot be recognised") == 1
    await engine.close()


async def test_a_broken_grammar_raises() -> None:
    with pytest.raises(EngineFailed, match="grammar"):
        await Sphinx.load("nonsense", threads=1)


async def test_a_closed_engine_raises() -> None:
    engine = await Sphinx.load(GRAMMAR, threads=1)
    await engine.close()
    await engine.close()
    with pytest.raises(EngineFailed, match="closed"):
        await engine.transcribe(sentence("repeat that"))


async def test_known_words_are_those_of_the_dictionary() -> None:
    words = await Sphinx.known_words()
    assert {"what", "time"} <= words
    assert "qwrtzx" not in words
