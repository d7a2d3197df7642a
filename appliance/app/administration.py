"""Gathers what an administrator does on the page: settings, voices, models, tools, restart."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from appliance.access.tokens import Role
from appliance.agents.service import AgentService
from appliance.api.dependencies import AdminDependencies
from appliance.app import systemd
from appliance.app.model_jobs import ModelJobs
from appliance.app.model_library import ModelLibrary
from appliance.app.retention import Retention
from appliance.app.settings import SettingsActions, SettingsFiles, SettingsService
from appliance.app.voice_runtime import VoiceRuntime
from appliance.app.voices import VoiceCatalogue
from appliance.config.faults import Fault, nearest
from appliance.config.loader import Config
from appliance.config.reload import answer_reloads
from appliance.errors import RestartImpossible
from appliance.event_hub import EventHub, Topic
from appliance.hardware.planner import models_on_disk
from appliance.llm.connection_test import check_connection
from appliance.observability.log_ring import LogRing
from appliance.selftest.report_store import ReportStore
from appliance.selftest.subprocess_runner import SelftestRunner
from appliance.tools.registry import ToolRegistry


@dataclass(frozen=True, slots=True)
class Commands:
    """Command lines of the appliance itself.

    A self-test, the language model's server, and `appliance models` by the name of its command.
    """

    selftest: Sequence[str]
    serve: Sequence[str]
    models: Callable[[str], Sequence[str]]


class Restart:
    """The end of the appliance on request, where systemd starts it again. `stop` begins any end."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.requested = False

    def request(self) -> None:
        """Ends the appliance in order. Raises RestartImpossible."""
        if not systemd.manages_us():
            raise RestartImpossible(
                "nothing would start the appliance again",
                advice="Start it anew where it was started, in its terminal.",
            )
        self.requested = True
        self.stop.set()


class Administration:
    """The services behind the pages of an administrator, which hear of changes through `hub`.

    `commands` are command lines of the appliance itself. Keys that are entered on the page are
    hidden in `log_ring`.
    """

    def __init__(
        self,
        config: Config,
        secrets: Mapping[str, str],
        files: SettingsFiles,
        runtime: VoiceRuntime,
        registry: ToolRegistry,
        agents: AgentService,
        retention: Retention,
        commands: Commands,
        hub: EventHub,
        log_ring: LogRing,
    ) -> None:
        self._runtime = runtime
        self._registry = registry
        self._agents = agents
        self._hide = log_ring.hide
        self._retention = retention
        self.restart = Restart()
        self.selftests = SelftestRunner(ReportStore(config.store.path.parent), commands.selftest)
        self._jobs = ModelJobs(
            commands.models, partial(hub.publish, Topic.MODELS, {}, minimum=Role.ADMIN)
        )
        actions = SettingsActions(self._faults, self._apply)
        self.settings = SettingsService(config, secrets, files, actions)

    async def run(self) -> None:
        """Does what is asked for, and what SIGHUP asks for. Runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.selftests.run())
            group.create_task(self._jobs.run())
            group.create_task(answer_reloads(self.settings.reload))

    def dependencies(self) -> AdminDependencies:
        """What the API uses of it."""
        engines = self._runtime.engines
        return AdminDependencies(
            settings=self.settings,
            restart=self.restart.request,
            check_llm=self._check_llm,
            voices=VoiceCatalogue(lambda: engines.supervisor.tts.current, self._config),
            models=ModelLibrary(self._config, engines, self._runtime.model, self._jobs),
            tools=self._tools,
        )

    def _config(self) -> Config:
        return self.settings.config

    def _faults(self, config: Config) -> list[Fault]:
        """What a configuration names and this appliance does not have."""
        from appliance.voice.session_options import known_voices

        voices, on_disk = known_voices(self._runtime.sessions.shared), models_on_disk(config)
        faults = []
        if config.tts.named_voice and config.tts.voice not in voices:
            near = nearest(config.tts.voice, voices)
            faults.append(Fault("tts.voice", config.tts.voice, "there is no such voice", near))
        for key, name in (("stt.model", config.stt.model), ("tts.model", config.tts.model)):
            if name not in ("auto", *on_disk):
                faults.append(Fault(key, name, "is not on disk", nearest(name, on_disk)))
        return faults

    async def _apply(self, config: Config, secrets: Mapping[str, str]) -> None:
        """Has every part take another configuration, as far as it can while it runs."""
        self._hide(secrets.values())
        self._registry.switch_off(config.tools.disabled)
        self._agents.servers.configure(config.tools.mcp)
        self._retention.configure(config.retention)
        await self._runtime.configure(config, secrets)
        self._runtime.engines.tools_changed()

    async def _check_llm(self, changes: Mapping[str, str], key: str) -> dict[str, Any]:
        self._hide([key])
        return await check_connection(self.settings.config, self.settings.secrets, changes, key)

    def _tools(self) -> dict[str, Any]:
        """The body of GET /api/tools."""
        tools = [
            {
                "name": tool.name,
                "description": tool.description,
                "group": group,
                "on": is_on,
                "confirm": tool.confirm,
                "guests": tool.guests,
            }
            for group, tool, is_on in self._registry.listed()
            if not tool.spoken_only
        ]
        return {
            "tools": tools,
            "servers": self._agents.servers.states(),
            "agents": self._agents.states(),
        }
