"""One engine for its own languages, substitutes for the others."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from appliance.engines import Synthesizer, Ticket, Voice
from appliance.engines.espeak.engine import Espeak
from appliance.engines.kokoro.engine import Kokoro
from appliance.engines.multilingual import Multilingual, Substitutes
from appliance.engines.piper.engine import Piper
from appliance.errors import ModelBroken
from appliance.languages import table
from tests.engines.conftest import KOKORO_FILES, PIPER_MODEL
from tests.engines.sound import FIXTURES, seconds, spoken

GERMAN = Voice("af_heart", "de")
TEXT = "Guten Abend, wie geht es?"


@dataclass
class Loading:
    """Loads true engines, and remembers which."""

    pipers: dict[str, Path] = field(default_factory=dict)
    loaded: list[str] = field(default_factory=list)

    async def load_piper(self, model: Path) -> Synthesizer:
        self.loaded.append(model.name)
        return await Piper.load(model, 1)

    async def load_espeak(self) -> Synthesizer:
        self.loaded.append("espeak")
        return await Espeak.load()

    def substitutes(self) -> Substitutes:
        return Substitutes(lambda code: self.pipers.get(code), self.load_piper, self.load_espeak)


@pytest.fixture
def loading() -> Loading:
    return Loading()


@pytest.fixture
async def engine(loading: Loading) -> AsyncIterator[Multilingual]:
    model, voices = (FIXTURES / "micro_kokoro" / name for name in KOKORO_FILES)
    main = await Kokoro.load(model, voices, "cpu", 1)
    made = Multilingual(main, table.kokoro_speaks, loading.substitutes())
    yield made
    await made.close()


async def test_its_own_languages_need_no_substitute(engine: Multilingual, loading: Loading) -> None:
    for language in ("en", "es", ""):
        assert await spoken(engine, "one two", Voice("", language))
    assert loading.loaded == []
    assert engine.name.startswith("kokoro")
    assert "af_heart" in engine.voices
    assert engine.stuck_seconds < 10  # a calibration may be under way
    assert not engine.streams


async def test_another_language_is_spoken_by_espeak(
    engine: Multilingual, loading: Loading, espeak: Espeak
) -> None:
    german = seconds(await spoken(espeak, TEXT, Voice("", "de")))
    for _ in range(2):
        assert seconds(await spoken(engine, TEXT, GERMAN)) == german
    assert loading.loaded == ["espeak"]


async def test_what_a_substitute_takes_says_nothing_of_the_engine(engine: Multilingual) -> None:
    ticket = Ticket()
    assert [chunk async for chunk in engine.synthesize(TEXT, GERMAN, ticket)]
    assert ticket.started_at is None


async def test_a_piper_voice_comes_before_espeak_and_one_is_kept(
    engine: Multilingual, loading: Loading
) -> None:
    loading.pipers = {"de": PIPER_MODEL}
    for _ in range(2):
        assert await spoken(engine, TEXT, GERMAN)
    assert loading.loaded == [PIPER_MODEL.name]
    assert await spoken(engine, TEXT, Voice("", "nl"))
    assert loading.loaded == [PIPER_MODEL.name, "espeak"]


async def test_a_piper_voice_gives_way_unless_it_is_speaking(
    engine: Multilingual, loading: Loading, tmp_path: Path
) -> None:
    other = tmp_path / "nl_NL-micro-low.onnx"
    for suffix in ("", ".json"):
        data = Path(f"{PIPER_MODEL}{suffix}").read_bytes()
        Path(f"{other}{suffix}").write_bytes(data)
    loading.pipers = {"de": PIPER_MODEL, "nl": other}
    speaking = engine.synthesize(f"{TEXT} {TEXT}", GERMAN)
    await anext(speaking)
    assert await spoken(engine, TEXT, Voice("", "nl"))
    assert loading.loaded == [PIPER_MODEL.name, "espeak"]
    await speaking.aclose()  # type: ignore[attr-defined]  # an async generator behind its protocol
    assert await spoken(engine, TEXT, Voice("", "nl"))
    assert loading.loaded == [PIPER_MODEL.name, "espeak", other.name]


async def test_a_broken_piper_voice_is_left_for_espeak(
    engine: Multilingual, loading: Loading, tmp_path: Path
) -> None:
    broken = tmp_path / "de_DE-broken-low.onnx"
    broken.write_bytes(b"no model")
    Path(f"{broken}.json").write_bytes(Path(f"{PIPER_MODEL}.json").read_bytes())
    with pytest.raises(ModelBroken):
        await loading.load_piper(broken)
    loading.pipers = {"de": broken}
    for _ in range(2):
        assert await spoken(engine, TEXT, GERMAN)
    assert loading.loaded == [broken.name, broken.name, "espeak"]
