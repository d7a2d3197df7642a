"""Results to report and draw."""

from appliance.bench.accuracy.results import AccuracyResults, HeardClip
from appliance.bench.accuracy.turn_outcome import Heard
from appliance.bench.contenders import OURS, STOCK


def heard_clip(
    text: str = "one two three",
    heard: str = "one two three",
    *,
    name: str = "1",
    kind: str = "digits",
    language: str = "en",
    condition: str = "clean",
    baseline: str | None = "one two three",
    stops: tuple[float, ...] = (3.3,),
    is_finished: bool = True,
    may_end: bool = False,
) -> HeardClip:
    """A clip with a pause from 1 to 1.7 s, of which stock always waits for a second."""
    return HeardClip(
        *(name, text, language, kind, condition, "af_heart", 0.6, 3.0, ((1.0, 1.7),)),
        is_finished=is_finished,
        may_end=may_end,
        heard={
            OURS: Heard(heard, (0.7,), stops),
            STOCK: Heard("simulated", (0.7,), (4.0,)),
        },
        baseline=baseline,
    )


def results(*clips: HeardClip) -> AccuracyResults:
    machine = {"processor": "<cpu>", "model": "", "cores": 2, "load_1_minute": 0.5}
    return AccuracyResults(
        machine, {}, {"stt": "whisper base"}, {"seed": 1}, clips, 60.0, ("note",)
    )
