"""The parts of which a pipeline is built: those that all sessions share, and those of one."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pipecat.processors.aggregators.llm_context import LLMContext

from appliance.config.loader import Config
from appliance.engines import Voice
from appliance.engines.apology import Apology
from appliance.engines.services import EngineProvider
from appliance.llm.failover import FailoverClient
from appliance.tools.registry import ToolRegistry
from appliance.voice.realtime.route import RealtimeRoute
from appliance.voice.recorder import Recorder
from appliance.voice.routing import Unanswered
from appliance.voice.services.engine_latency import EngineLatency
from appliance.voice.services.tool_caller import ToolCaller
from appliance.voice.transport.websocket import SocketTransport
from appliance.voice.turns.shared_models import TurnModels


@dataclass(frozen=True, slots=True)
class SharedParts:
    """What all sessions use together. Nothing in it belongs to one of them."""

    config: Config
    hearing: TurnModels
    engines: EngineProvider
    registry: ToolRegistry
    models: FailoverClient | None
    realtime: RealtimeRoute | None = None
    pace: EngineLatency = field(default_factory=EngineLatency)
    apology: Apology = field(default_factory=Apology)

    @property
    def routes(self) -> frozenset[str]:
        """The routes that a session may take."""
        return frozenset({"local"} if self.realtime is None else {"local", "realtime"})

    @property
    def first_route(self) -> str:
        """The route of a session that does not ask for one."""
        always = self.config.fallback.policy == "always" and self.realtime is not None
        return "realtime" if always else "local"

    def is_command(self, text: str) -> bool:
        """Whether a text is, as it stands, a spoken sentence of a tool."""
        return bool(text) and self.registry.match(text) is not None


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What belongs to one session."""

    transport: SocketTransport
    recorder: Recorder
    call: ToolCaller
    voice: Callable[[], Voice]
    language: Callable[[], str]
    system_prompt: str
    context: LLMContext
    speaking: Callable[[bool], None]
    # Told what this route cannot answer; True where the other one will.
    failed: Callable[[Unanswered | None], bool] = lambda _unanswered: False
    unanswered: Unanswered | None = None
    told: str = ""
