"""The parts of which a session's pipeline is built: those that all sessions share, and its own."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from pipecat.processors.aggregators.llm_context import LLMContext

from appliance.config.loader import Config
from appliance.engines import SpeechEngines, Voice
from appliance.engines.apology import Apology
from appliance.llm.failover import FailoverClient
from appliance.tools.registry import ToolRegistry
from appliance.voice.realtime.route import RealtimeRoute
from appliance.voice.recorder import Recorder
from appliance.voice.routing import Unanswered
from appliance.voice.services.engine_latency import EngineLatency
from appliance.voice.services.tool_caller import ToolCaller
from appliance.voice.speech_wishes import SpeechWishes
from appliance.voice.transport.taken_texts import TakenTexts
from appliance.voice.transport.websocket import SocketTransport
from appliance.voice.turns.shared_models import TurnModels


@dataclass(frozen=True, slots=True)
class SharedParts:
    """The parts that all sessions share.

    `llm` is None without an endpoint, `realtime` without that route.
    """

    config: Config
    turn_models: TurnModels
    engines: SpeechEngines
    registry: ToolRegistry
    llm: FailoverClient | None
    realtime: RealtimeRoute | None = None
    latency: EngineLatency = field(default_factory=EngineLatency)
    apology: Apology = field(default_factory=Apology)
    texts: TakenTexts = field(default_factory=TakenTexts)

    @property
    def routes(self) -> frozenset[str]:
        """The routes that a session may take."""
        return frozenset({"local"} if self.realtime is None else {"local", "realtime"})

    @property
    def first_route(self) -> str:
        """The route of a session that does not ask for one."""
        always = self.config.fallback.policy == "always" and self.realtime is not None
        return "realtime" if always else "local"

    def is_command(self, text: str, language: str) -> bool:
        """True where the text, as it stands, is a spoken sentence of a tool."""
        return bool(text) and self.registry.match(text, language=language) is not None

    def prepare_language(self, language: str) -> None:
        """Has the sentences of a language parsed, on a thread, before one is matched."""
        if not self.registry.is_prepared(language):
            work = threading.Thread(target=self.registry.prepare, args=(language,), daemon=True)
            work.start()

    def runs_ahead(self, text: str, language: str) -> bool:
        """True where the text is a spoken sentence of a tool that changes nothing."""
        match = self.registry.match(text, language=language) if text else None
        return match is not None and match.tool.read_only


@dataclass(frozen=True, slots=True)
class SessionParts:
    """The parts that belong to one session.

    `voice` and `language` give those of the moment, `wishes` tell of changes; `on_speaking` is
    called when the assistant begins and ends to speak. `reroute` is called with what this route
    could not answer and returns True where the other route takes over. `unanswered` and `notice`
    are what the route before left to answer and to say first.
    """

    transport: SocketTransport
    recorder: Recorder
    call_tool: ToolCaller
    voice: Callable[[], Voice]
    language: Callable[[], str]
    wishes: SpeechWishes
    system_prompt: str
    context: LLMContext
    on_speaking: Callable[[bool], None]
    reroute: Callable[[Unanswered | None], bool] = lambda _unanswered: False
    unanswered: Unanswered | None = None
    notice: str = ""
