"""Defines all Prometheus metrics of the appliance: names, help texts and units.

A part is given the bound method that it needs (`metrics.malformed`), not the whole object.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.process_collector import ProcessCollector

STAGES = ("endpointing", "transcription", "first_token", "first_audio")
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 2.0, 3.0, 5.0, 10.0)
_FACTORS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.25, 1.5, 2.0, 4.0)
_LAG_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)


class _SessionMetrics:
    """Metrics of sessions and turns."""

    def __init__(self, r: CollectorRegistry) -> None:
        self.malformed = Counter(
            "appliance_malformed_frames", "WebSocket frames refused", ["code"], registry=r
        )
        self.dropped = Counter(
            "appliance_dropped",
            "Audio frames dropped (input: sent too fast, output: not read), clients let go",
            ["what"],
            registry=r,
        )
        self.refused = Counter(
            "appliance_refused", "Requests and connections refused", ["code"], registry=r
        )
        self.turns = Counter("appliance_turns", "Answered turns", ["route"], registry=r)
        self.interruptions = Counter("appliance_interruptions", "Barge-ins", registry=r)
        self.reroutes = Counter(
            "appliance_reroutes",
            "Times that another engine, model or route took over",
            ["what"],
            registry=r,
        )
        self.stages = Histogram(
            "appliance_turn_stage_seconds",
            "From the true end of speech to the end of each stage",
            ["stage"],
            buckets=_SECONDS,
            registry=r,
        )
        self.sessions = Gauge("appliance_sessions", "Open sessions", registry=r)


class _StepMetrics:
    """Metrics of the steps of a turn, which explain a slow one."""

    def __init__(self, r: CollectorRegistry) -> None:
        self.queues = Histogram(
            "appliance_engine_queue_seconds",
            "Time that requests waited for an engine: stt, tts",
            ["kind"],
            buckets=_SECONDS,
            registry=r,
        )
        self.factors = Histogram(
            "appliance_engine_real_time_factor",
            "Seconds of work per second of speech: stt, tts",
            ["kind"],
            buckets=_FACTORS,
            registry=r,
        )
        self.underruns = Histogram(
            "appliance_underrun_seconds",
            "Times within an answer for which the client had nothing to play",
            buckets=_SECONDS,
            registry=r,
        )
        self.speculations = Counter(
            "appliance_speculations",
            "Answers begun ahead, by what became of them",
            ["outcome"],
            registry=r,
        )


class _ProcessMetrics:
    """Metrics of the process: errors, event loop, store and memory."""

    def __init__(self, r: CollectorRegistry) -> None:
        self.errors = Counter("appliance_errors", "Errors by stable code", ["code"], registry=r)
        self.loop_lag = Histogram(
            "appliance_loop_lag_seconds",
            "How late the event loop was, sampled all the time",
            buckets=_LAG_SECONDS,
            registry=r,
        )
        self.loop_lag_max = Gauge(
            "appliance_loop_lag_max_seconds",
            "Longest stall of the event loop while a session was open",
            registry=r,
        )
        self.store_failed = Gauge("appliance_store_lost", "Events lost", registry=r)
        self.store_queued = Gauge("appliance_store_queued", "Events waiting", registry=r)
        self.memory = Gauge(
            "appliance_memory_available_bytes", "Memory to be had, limits counted", registry=r
        )
        self.pressure = Gauge(
            "appliance_memory_pressure", "0: ok, 1: tight, 2: critical", registry=r
        )
        self.steps = Counter(
            "appliance_memory_steps",
            "Engines that gave way to want of memory (down) or came back (up)",
            ["direction"],
            registry=r,
        )


class Metrics:
    """One set of metrics, in a registry of its own, so that a test can have many."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._session = _SessionMetrics(self.registry)
        self._steps = _StepMetrics(self.registry)
        self._process = _ProcessMetrics(self.registry)
        self._longest = 0.0

    def malformed(self, code: str) -> None:
        self._session.malformed.labels(code).inc()

    def dropped(self, what: str) -> None:
        self._session.dropped.labels(what).inc()

    def refused(self, code: str) -> None:
        self._session.refused.labels(code).inc()

    def turn(self, route: str) -> None:
        self._session.turns.labels(route).inc()

    def interrupted(self) -> None:
        self._session.interruptions.inc()

    def rerouted(self, what: str) -> None:
        """Counts a switch to another `what`: engine, model, local or realtime."""
        self._session.reroutes.labels(what).inc()

    def error(self, code: str) -> None:
        self._process.errors.labels(code).inc()

    def stage(self, name: str, seconds: float) -> None:
        """Records the end of a stage (one of STAGES), `seconds` after the end of speech."""
        self._session.stages.labels(name).observe(seconds)

    def queued(self, kind: str, seconds: float) -> None:
        """Records for how long a request waited for an engine of that kind: stt or tts."""
        self._steps.queues.labels(kind).observe(seconds)

    def real_time_factor(self, kind: str, factor: float) -> None:
        """Records the cost of one transcription (stt) or piece of speech (tts)."""
        self._steps.factors.labels(kind).observe(factor)

    def underrun(self, seconds: float) -> None:
        self._steps.underruns.observe(seconds)

    def speculation(self, outcome: str) -> None:
        self._steps.speculations.labels(outcome).inc()

    def sessions(self, count: int) -> None:
        self._session.sessions.set(count)

    def loop_lag(self, seconds: float, in_session: bool) -> None:
        """Records the lag of the loop; its maximum counts only while a session is open."""
        self._process.loop_lag.observe(seconds)
        if in_session and seconds > self._longest:
            self._longest = seconds
            self._process.loop_lag_max.set(seconds)

    def memory(self, available: int, level: str) -> None:
        """Records the memory available, and its level: ok, tight or critical."""
        self._process.memory.set(available)
        self._process.pressure.set(("ok", "tight", "critical").index(level))

    def stepped(self, direction: str) -> None:
        self._process.steps.labels(direction).inc()

    def store(self, lost: int, queued: int) -> None:
        self._process.store_failed.set(lost)
        self._process.store_queued.set(queued)

    def text(self) -> bytes:
        """Returns all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
