"""Runs the managed language model: takes it from the plan, has it tried, lets it give way first."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from appliance.config.loader import Config
from appliance.engines.memory_governor import SteppableEngines
from appliance.hardware.language_models import LEAST_TOKENS_PER_SECOND, LanguageModelOption
from appliance.hardware.language_server import server_command, trials_file
from appliance.hardware.memory_pressure import MemoryPool
from appliance.hardware.plan import Plan
from appliance.hardware.processor_time import processors_are_contended
from appliance.llm.context import history_budget
from appliance.llm.managed_server import ManagedServer, ServerFiles, ServerState
from appliance.llm.providers import Address
from appliance.llm.served_model import ServedModel, choice_file, key_file, served_option
from appliance.llm.slots import SlotLeases
from appliance.llm.trial import ModelTrial, keep_trial, kept_trial, run_trial

if TYPE_CHECKING:
    from appliance.llm.endpoint import Endpoint

log = logging.getLogger(__name__)

_HOLDS_MEMORY: Final = (ServerState.LOADING, ServerState.TRYING, ServerState.READY)


class LanguageModel:
    """The managed model of the process: at most one of the plan's options at a time.

    `command` starts its server as a child; None where a unit of systemd runs it. `warm_up` is
    called when a model has been loaded and is fit; `changed` whenever its state changes. What a
    trial finds is not kept where the processors are `contended` meanwhile.
    """

    def __init__(
        self,
        config: Config,
        plan: Plan,
        command: Sequence[str] | None,
        warm_up: Callable[[], Awaitable[None]],
        changed: Callable[[], None],
        contended: Callable[[], bool] = processors_are_contended,
    ) -> None:
        self._config = config
        self._warm_up = warm_up
        self._contended = contended
        self._options: tuple[LanguageModelOption, ...] = ()
        self._better = ""
        self._place = 0
        self._left: list[int] = []
        self._trial: ModelTrial | None = None
        self._fixed_tokens = 0
        files = ServerFiles(choice_file(config), key_file(config))
        self._server = ManagedServer(files, command, self._loaded, changed)
        self._plan = plan

    @property
    def is_planned(self) -> bool:
        """Whether the plan has a model, loaded or not."""
        return bool(self._options)

    @property
    def is_starting(self) -> bool:
        """Whether a model is on its way, so that it cannot answer yet."""
        return self._server.is_starting

    @property
    def is_ready(self) -> bool:
        return self._server.state is ServerState.READY

    @property
    def settling(self) -> bool:
        """Whether the effect of the latest step on memory does not show yet."""
        return self._server.state in (ServerState.STARTING, ServerState.LOADING)

    def start(self) -> None:
        """Decides on the plan's first choice, or against any; `run` serves it."""
        if self._config.llm.provider == "auto":
            self.follow_plan(self._plan)
        elif choice_file(self._config).exists():
            self._server.follow(None, "the settings name another language model")

    def follow_plan(self, plan: Plan, config: Config | None = None) -> None:
        """Serves the first choice of another plan, or none, perhaps with another configuration."""
        before, self._config = self._config, config or self._config
        if self._config.llm.provider != "auto":
            if before.llm.provider == "auto":
                self._options, self._better = (), ""
                self._server.follow(None, "the settings name another language model")
            return
        self._options, self._better = plan.llm.options, plan.llm.better
        self._place, self._left = 0, []
        if not self._options:
            log.info("no language model: the tools answer alone; better: %s", self._better)
        self._serve(self._options[0].reason if self._options else self._better)

    def _serve(self, why: str) -> None:
        option = self._option
        command = server_command(self._config)
        served = served_option(option, self._config, command) if option else None
        self._trial = kept_trial(trials_file(self._config), served) if served else None
        self._server.follow(served, why)

    @property
    def _option(self) -> LanguageModelOption | None:
        return self._options[self._place] if self._place < len(self._options) else None

    async def run(self) -> None:
        """Keeps the server going. Runs until cancelled; then a child is ended."""
        await self._server.run()

    async def _loaded(self, served: ServedModel) -> str:
        """Tries a model that was not tried here before. Returns why it is unfit, else ""."""
        trials = trials_file(self._config)
        if self._trial is None:
            contended = self._contended()
            self._trial = trial = await run_trial(self._server.ask, served)
            # What else runs at that moment says nothing about the model.
            if not (contended or self._contended()):
                keep_trial(trials, trial, served)
            log.info(
                "%s was tried: %.1f tokens/s, first token %.2f s, %.2f s when warm, tools: %s",
                *(trial.model, trial.tokens_per_second, trial.cold_seconds, trial.warm_seconds),
                trial.calls,
            )
        if not self._trial.fault:
            await self._warm_up()
        return self._trial.fault

    def endpoint(self) -> "Endpoint | None":
        """The endpoint for sessions; None where the plan has no model."""
        from appliance.llm.endpoint import endpoint_at

        served = self._server.served
        if served is None:
            return None
        chosen = Address(served.base_url, served.model, "", self._server.key)
        llm = self._config.llm
        made = endpoint_at(chosen, llm.first_token_seconds, llm.answer_bytes)
        return replace(
            made,
            prefills=True,
            slots=SlotLeases(served.slots),
            is_starting=lambda: self._server.is_starting,
            is_off=lambda: self._server.served is None,
            history_tokens=self._history_tokens,
        )

    def _history_tokens(self) -> int:
        served = self._server.served
        window = served.context if served else 0
        return history_budget(window, self._fixed_tokens, self._config.llm.max_tokens)

    async def prefill(self, body: Mapping[str, Any]) -> None:
        """Has the model compute what every session begins with, and counts it."""
        # In the slot that the first session gets.
        answer = await self._server.ask({**body, "max_tokens": 1, "id_slot": 0})
        usage = answer.get("usage")
        self._fixed_tokens = int(usage.get("prompt_tokens", 0)) if usage else 0
        log.info("%d tokens of system prompt and tools are computed ahead", self._fixed_tokens)

    def report(self) -> dict[str, Any]:
        """For /health: the model, its state and why, what its trial found, what would be better."""
        trial = self._trial
        measured: dict[str, Any] = {
            "tokens_per_second": trial.tokens_per_second if trial else None,
            "warm_first_token_seconds": trial.warm_seconds if trial else None,
            "tools": trial.calls if trial else "",
        }
        option = self._option
        measured["planned_bytes"] = option.memory if option else 0
        slow = trial is not None and trial.tokens_per_second < LEAST_TOKENS_PER_SECOND
        return {**self._server.report(), **measured, "slow": slow, "better": self._better}

    def memory_held(self, pool: MemoryPool) -> int:
        """The bytes of a pool that a step down would free, at most."""
        option = self._option
        if option is None or self._server.state not in _HOLDS_MEMORY or self._pool is not pool:
            return 0
        return option.memory

    @property
    def _pool(self) -> MemoryPool:
        option = self._options[0] if self._options else None
        own = self._plan.hardware.has_own_gpu_memory
        return MemoryPool.GPU if own and option and option.device == "cuda" else MemoryPool.HOST

    def step_down(self) -> str:
        """Gives way: to less context, a smaller model, or none. Says which for which."""
        before = self._option
        if before is None:
            return ""
        self._left.append(self._place)
        self._place += 1
        after = self._option
        self._serve("memory is short")
        return f"{_label(before)} gives way to {_label(after)}"

    def step_up(self) -> None:
        """Takes back the latest step down."""
        if self._left:
            self._place = self._left.pop()
            self._serve("memory is ample again")

    def step_up_bytes(self, pool: MemoryPool) -> int | None:
        """The bytes that a step up would take; None where there is none to take."""
        if not self._left or self._pool is not pool:
            return None
        return self._options[self._left[-1]].memory - self.memory_held(pool)


def _label(option: LanguageModelOption | None) -> str:
    return f"{option.model} with {option.context} tokens" if option else "no language model"


class ModelGivesWayFirst:
    """The language model and the speech engines, for the memory governor: the model goes first."""

    def __init__(self, model: LanguageModel, engines: SteppableEngines) -> None:
        self._model = model
        self._engines = engines

    @property
    def settling(self) -> bool:
        return self._engines.settling or self._model.settling

    def step_down(self, pool: MemoryPool) -> str:
        held = self._model.memory_held(pool)
        return self._model.step_down() if held else self._engines.step_down(pool)

    def step_up(self, pool: MemoryPool) -> None:
        """Ears and voice come back first."""
        if self._engines.step_up_bytes(pool) is not None:
            self._engines.step_up(pool)
        else:
            self._model.step_up()

    def step_up_bytes(self, pool: MemoryPool) -> int | None:
        of_engines = self._engines.step_up_bytes(pool)
        return of_engines if of_engines is not None else self._model.step_up_bytes(pool)


def governed(
    model: LanguageModel, engines: Callable[[], SteppableEngines | None]
) -> Callable[[], SteppableEngines | None]:
    """What the governor steps: nothing until there are engines."""
    return partial(_governed, model, engines)


def _governed(
    model: LanguageModel, engines: Callable[[], SteppableEngines | None]
) -> SteppableEngines | None:
    found = engines()
    return ModelGivesWayFirst(model, found) if found else None
