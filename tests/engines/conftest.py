import asyncio
from collections.abc import Iterator

import pytest

from appliance.engines.espeak.engine import Espeak
from appliance.engines.kokoro.engine import Kokoro
from appliance.engines.piper.engine import Piper
from appliance.engines.sphinx.engine import Sphinx
from appliance.engines.whisper.engine import Whisper
from tests.engines.sound import FIXTURES

GRAMMAR = """#JSGF V1.0;
grammar commands;
<digit> = one | two | three | four | five | six | seven | eight | nine;
<number> = <digit> | ten | fifteen | (twenty | thirty | forty | fifty) [ <digit> ];
<unit> = second | seconds | minute | minutes | hour | hours;
<time> = what time is it | what is the time | tell me the time;
<date> = what is the date [ today ] | what day is it [ today ];
<timer> = (set | start) a [ tea | pasta ] timer for <number> <unit> | cancel (the | my) timer;
<device> = how (hot | warm) are you | how much memory is free;
<talk> = repeat that | say that again | stop | be quiet | what can you do | good morning;
public <command> = [ please ] ( <time> | <date> | <timer> | <device> | <talk> ) [ please ];
"""


# Loaded once: an engine is meant to live as long as its process, and belongs to no loop.
@pytest.fixture(scope="session")
def sphinx() -> Iterator[Sphinx]:
    engine = asyncio.run(Sphinx.load(GRAMMAR))
    yield engine
    asyncio.run(engine.close())


@pytest.fixture(scope="session")
def espeak() -> Iterator[Espeak]:
    engine = asyncio.run(Espeak.load())
    yield engine
    asyncio.run(engine.close())


@pytest.fixture(scope="session")
def whisper() -> Iterator[Whisper]:
    engine = asyncio.run(Whisper.load(FIXTURES / "micro_whisper" / "model", "cpu", threads=1))
    yield engine
    asyncio.run(engine.close())


@pytest.fixture(scope="session")
def kokoro() -> Iterator[Kokoro]:
    model, voices = (FIXTURES / "micro_kokoro" / name for name in KOKORO_FILES)
    engine = asyncio.run(Kokoro.load(model, voices, "cpu", threads=1))
    yield engine
    asyncio.run(engine.close())


@pytest.fixture(scope="session")
def piper() -> Iterator[Piper]:
    engine = asyncio.run(Piper.load(PIPER_MODEL, threads=1))
    yield engine
    asyncio.run(engine.close())


KOKORO_FILES = ("kokoro-micro.onnx", "voices-micro.bin")
PIPER_MODEL = FIXTURES / "micro_piper" / "en_US-micro-low.onnx"
