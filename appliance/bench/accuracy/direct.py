"""Has the daemon's own parts hear clips at audio time, without the door: quick, whatever the load.

Everything but the model of turn taking that Pipecat brings is loaded as a daemon loads it.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from appliance.bench.accuracy.turn_outcome import Heard
from appliance.bench.contenders import OURS, STOCK
from appliance.bench.engine_bench import command_registry, grammar
from appliance.config.loader import Config
from appliance.engines.factory import transcriber_loaders
from appliance.hardware.plan import Plan

if TYPE_CHECKING:
    from appliance.bench.accuracy.clips import Clip

_WORDS: Final = "simulated"
"""For stock: its turn taking does not look at words."""


async def hear_directly(
    plan: Plan,
    config: Config,
    clips: Sequence["Clip"],
    progress: Callable[[str], None],
    *,
    with_stock: bool,
) -> tuple[list[Mapping[str, Heard]], str]:
    """What is heard of every clip, by name of the server, and the name of the transcriber.

    Raises EngineError.
    """
    from loguru import logger

    logger.remove()  # before Pipecat comes, which introduces itself and each detector's settings
    logger.add(sys.stderr, level="WARNING")
    from appliance.bench.accuracy.audio_time import (
        AudioTimeListener,
        our_turn_taking,
        stock_turn_taking,
    )
    from appliance.voice.turns.shared_models import TurnModels

    registry = command_registry(config)
    engine = await transcriber_loaders(plan, config, await grammar(config))[0].load()
    models = TurnModels.load()

    async def transcribe(pcm: bytes, language: str) -> str:
        return (await engine.transcribe(pcm, language)).text

    async def simulated(_pcm: bytes, _language: str) -> str:
        return _WORDS

    ours = AudioTimeListener(models, transcribe, lambda text: registry.match(text) is not None)
    stock = AudioTimeListener(models, simulated, lambda _text: False)
    found: list[Mapping[str, Heard]] = []
    try:
        for number, clip in enumerate(clips, 1):
            heard = {OURS: await ours.hear(clip, our_turn_taking(config.turn))}
            if with_stock:
                heard[STOCK] = await stock.hear(clip, stock_turn_taking())
            found.append(heard)
            progress(f"{engine.name}: {number} of {len(clips)} clips")
        return found, engine.name
    finally:
        models.close()
        await engine.close()
