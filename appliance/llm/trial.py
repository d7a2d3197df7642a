"""Tries a model that has just been loaded: its words, a tool call, its first token, its speed.

The result is kept beside the database, for each model, build of the server and board, and decides
whether the plan takes the model again.
"""

import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from appliance.atomic_file import replace_text
from appliance.llm.served_model import ServedModel

Ask = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Posts the body of a chat completion and returns the answer."""

_SYSTEM: Final = (
    "You are a voice assistant on a small device in somebody's home. You are heard, not read:"
    " answer in one to three short plain sentences, without lists, markdown, code or emoji. Use"
    " the tools for the time, the date, timers and the state of the device. If you do not know"
    " something, say so."
)
_SUMS: Final = (
    ("What is two plus two?", ("4", "four")),
    ("What is three plus three?", ("6", "six")),
)
_TIMER: Final[Mapping[str, Any]] = {
    "type": "function",
    "function": {
        "name": "set_timer",
        "description": "Sets a timer.",
        "parameters": {
            "type": "object",
            "properties": {"minutes": {"type": "number", "description": "Minutes until it rings."}},
            "required": ["minutes"],
        },
    },
}
_COMMAND: Final = "Set a timer for ten minutes."
_ANSWER_TOKENS: Final = 24
_MOST_KEPT: Final = 50


@dataclass(frozen=True, slots=True)
class ModelTrial:
    """What one trial found. Seconds and tokens are the server's own figures.

    `calls` is "called", "as text" (the right call, written as an answer) or "none". Computed
    tokens are those of the prompt that were not kept from before.
    """

    model: str
    build: str
    device: str
    threads: int
    context: int
    answers_rightly: bool
    answer: str
    calls: str
    cold_tokens: int
    cold_seconds: float
    warm_tokens: int
    warm_seconds: float
    tokens_per_second: float
    at: float

    @property
    def fault(self) -> str:
        """Why the model is unfit; empty where it is fit."""
        if self.answers_rightly:
            return ""
        return f"it answers {_SUMS[0][0]!r} with {self.answer[:60]!r}"


async def run_trial(
    ask: Ask, served: ServedModel, now: Callable[[], float] = time.time
) -> ModelTrial:
    """Asks four questions; raises what `ask` raises."""
    answers = [await ask(_question(question)) for question, _ in _SUMS]
    right = [
        any(word in _answer_text(answer).lower() for word in words)
        for answer, (_, words) in zip(answers, _SUMS, strict=True)
    ]
    called = await ask({**_question(_COMMAND), "tools": [_TIMER]})
    cold, warm = (_timings(answer) for answer in answers)
    written = [_timings(answer) for answer in (*answers, called)]
    tokens = sum(timings.get("predicted_n", 0) for timings in written)
    seconds = sum(timings.get("predicted_ms", 0.0) for timings in written) / 1000
    return ModelTrial(
        model=served.model,
        build=served.build,
        device=served.device,
        threads=served.threads,
        context=served.context,
        answers_rightly=any(right),
        answer=_answer_text(answers[0]),
        calls=_calls(called),
        cold_tokens=int(cold.get("prompt_n", 0)),
        cold_seconds=round(cold.get("prompt_ms", 0.0) / 1000, 3),
        warm_tokens=int(warm.get("prompt_n", 0)),
        warm_seconds=round(warm.get("prompt_ms", 0.0) / 1000, 3),
        tokens_per_second=round(tokens / seconds, 2) if seconds else 0.0,
        at=round(now()),
    )


def _question(text: str) -> dict[str, Any]:
    messages = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": text}]
    return {"messages": messages, "max_tokens": _ANSWER_TOKENS, "temperature": 0.0}


def _message(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = answer.get("choices") or [{}]
    message = choices[0].get("message")
    return message if isinstance(message, Mapping) else {}


def _answer_text(answer: Mapping[str, Any]) -> str:
    return str(_message(answer).get("content") or "")


def _timings(answer: Mapping[str, Any]) -> Mapping[str, float]:
    timings = answer.get("timings")
    return timings if isinstance(timings, Mapping) else {}


def _calls(answer: Mapping[str, Any]) -> str:
    name = _TIMER["function"]["name"]
    for call in _message(answer).get("tool_calls") or ():
        if call.get("function", {}).get("name") == name:
            return "called"
    return "as text" if f'"{name}"' in _answer_text(answer) else "none"


def kept_trials(path: Path) -> list[ModelTrial]:
    """The results that are kept; those of another version are left out."""
    try:
        kept: Any = json.loads(path.read_text(encoding="utf-8"))
        entries: Sequence[Any] = kept["trials"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    trials = []
    for entry in entries:
        try:
            trials.append(ModelTrial(**entry))
        except TypeError:
            continue
    return trials


def kept_trial(path: Path, served: ServedModel) -> ModelTrial | None:
    """The result for this very model, build of the server, device and number of threads."""
    return next((t for t in kept_trials(path) if _is_same(t, served)), None)


def keep_trial(path: Path, trial: ModelTrial, served: ServedModel) -> None:
    """Keeps a result in place of the one before."""
    others = [one for one in kept_trials(path) if not _is_same(one, served)]
    entries = [asdict(one) for one in (*others, trial)][-_MOST_KEPT:]
    replace_text(path, json.dumps({"trials": entries}, indent=1), synced=False)


def _is_same(trial: ModelTrial, served: ServedModel) -> bool:
    return (trial.model, trial.build, trial.device, trial.threads) == (
        *(served.model, served.build, served.device, served.threads),
    )
