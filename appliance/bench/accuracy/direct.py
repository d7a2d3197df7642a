"""Has the transcriber itself hear clips, without the door: quick, and without turns."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from appliance.audio.format import INPUT_RATE
from appliance.bench.accuracy.turn_outcome import Heard
from appliance.bench.contenders import OURS
from appliance.bench.engine_bench import grammar
from appliance.config.loader import Config
from appliance.engines.factory import transcriber_loaders
from appliance.hardware.plan import Plan

if TYPE_CHECKING:
    from appliance.bench.accuracy.clips import Clip

BEFORE_SECONDS: Final = 0.3
AFTER_SECONDS: Final = 0.2
"""Around each part of an utterance: about what an appliance adds before and after it."""


async def hear_directly(
    plan: Plan, config: Config, clips: Sequence["Clip"], progress: Callable[[str], None]
) -> tuple[list[Mapping[str, Heard]], str]:
    """What the plan's first transcriber hears of every clip, part by part, and its name.

    Raises EngineError.
    """
    engine = await transcriber_loaders(plan, config, await grammar(config))[0].load()
    try:
        found: list[Mapping[str, Heard]] = []
        for number, clip in enumerate(clips, 1):
            transcripts = [
                await engine.transcribe(segment, clip.language) for segment in segments(clip)
            ]
            text = " ".join(each.text for each in transcripts if each.text)
            found.append({OURS: Heard(text)})
            progress(f"{engine.name}: {number} of {len(clips)} clips")
        return found, engine.name
    finally:
        await engine.close()


def segments(clip: "Clip") -> list[bytes]:
    """The clip cut in its pauses, as turn taking would cut it. Pure."""
    edges = [clip.begin, *(time for pause in clip.pauses for time in pause), clip.end]
    parts = zip(edges[::2], edges[1::2], strict=True)
    return [
        clip.pcm[_position(begin - BEFORE_SECONDS) : _position(end + AFTER_SECONDS)]
        for begin, end in parts
    ]


def _position(seconds: float) -> int:
    return 2 * max(0, round(seconds * INPUT_RATE))
