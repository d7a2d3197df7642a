"""Checks a whole turn: says a sentence as a client, and expects a spoken answer in time."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from appliance.bench.recordings import shipped_command
from appliance.client import Call
from appliance.conversation import NO_ANSWERS
from appliance.errors import SessionError, SessionLimit
from appliance.selftest import audio_level, expectations, site_client
from appliance.selftest.audio_level import AudioLevel
from appliance.selftest.check import BaseCheck, Finding, Verdict
from appliance.selftest.checks.websocket import WebSocketCheck
from appliance.selftest.context import CheckContext
from appliance.selftest.daemon_client import DaemonClient
from appliance.text.word_error_rate import error_rate
from appliance.wire import Audio

SENTENCE = "what time is it"  # a tool answers it, without a language model
MAX_ERROR_RATE = 0.34  # of the words: one of the four may be wrong
SILENCE = bytes(9_600)  # 0.3 s at 16 kHz, before and after the sentence as in a person's speech
ANSWER_SECONDS = 12.0
SPEAKING_SECONDS = 30.0
EVENTS_SECONDS = 5.0  # until the events of the turn are in the database
# The answer is about three times as long as the question. The time-outs grow by what the engine
# needs to synthesize it: a slow voice is a finding of its own and must not pass for a silent one.
ANSWER_LENGTH = 3.0


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """The outcome of one turn, as the client and the database saw it.

    `voice` says in words whose voice asked, `level` is that of the spoken answer. `milliseconds`
    are from the end of speech to the end of each stage, as the daemon measured them; `at_client`
    are those to the first sound at the client.
    """

    voice: str
    heard: str
    answer: str
    level: AudioLevel
    milliseconds: Mapping[str, float]
    at_client: float

    @property
    def understood(self) -> bool:
        """Whether the transcript was right, or nearly, and the answer was not an apology."""
        return self._heard_well and not self.answer.startswith(NO_ANSWERS)

    @property
    def outcome(self) -> str:
        """The transcript and, where the transcript is right, the answer, in words."""
        return repr(self.heard) + (f" and answered {self.answer!r}" if self._heard_well else "")

    @property
    def _heard_well(self) -> bool:
        return error_rate(SENTENCE, self.heard) <= MAX_ERROR_RATE


class FullTurnCheck(BaseCheck):
    name: ClassVar[str] = "spoken"
    title: ClassVar[str] = "A conversation"
    limit: ClassVar[float] = 180.0

    async def run(self, context: CheckContext) -> Finding:
        import aiohttp

        if context.daemon is None:
            return self.skipped("the appliance does not run")
        try:
            return await self._talk(context, context.daemon)
        except SessionLimit as error:
            return self.warning(error.message, "Test again when somebody has hung up.")
        except (SessionError, aiohttp.ClientError, OSError) as error:
            return self.failure(
                f"the conversation broke off: {error}",
                f"See the check `{WebSocketCheck.name}` and `journalctl -u voice-appliance`.",
            )

    async def _talk(self, context: CheckContext, daemon: DaemonClient) -> Finding:
        """Asks in the engine's own voice and, where that is not understood, in a recorded one."""
        own = await daemon.synthesize(SENTENCE)
        extra = ANSWER_LENGTH * own.seconds
        recorded = shipped_command(SENTENCE)
        turn = await _run_turn(
            *(context, daemon, f"its own voice ({own.engine})"),
            *(audio_level.resample_to_input(own.pcm), extra),
        )
        first = turn
        if not turn.understood:
            turn = await _run_turn(context, daemon, "a recorded voice", recorded.pcm, extra)
        engines = (await daemon.status())["engines"]
        hold = 1000 * context.config.turn.stop_seconds
        allowed = expectations.stage_budgets(engines["stt"]["name"], engines["tts"]["name"], hold)
        names = [engines[kind]["name"] for kind in ("stt", "tts")]
        return self.judge(turn, allowed, first, _excuse(names, context)).with_figures(
            heard=turn.heard,
            answer=turn.answer,
            voice=turn.voice,
            milliseconds=dict(turn.milliseconds),
            allowed_milliseconds=allowed,
            first_sound_at_client_ms=round(turn.at_client),
        )

    def judge(
        self, turn: SpokenTurn, allowed: Mapping[str, float], first: SpokenTurn, excuse: str = ""
    ) -> Finding:
        """`first` is the turn in the engine's own voice, and `turn` itself where understood.

        With an `excuse`, a late answer is a warning and no failure.
        """
        if not turn.understood:
            return self.failure(
                f"said {SENTENCE!r} in {turn.voice} and heard {turn.outcome}",
                "See the check `hearing`. If only this one fails, raise the microphone's share:"
                " lower turn.min_volume or turn.confidence to their defaults; and tools.enabled"
                " must not leave out the tools of the clock.",
            )
        if fault := turn.level.fault(turn.answer):
            return self.failure(
                f"understood {SENTENCE!r}, but {fault} in answer",
                "See the check `speaking`.",
            )
        summary = (
            f"{SENTENCE!r} in {turn.voice} was understood and answered {turn.answer!r};"
            f" first sound after {turn.at_client:.0f} ms"
        )
        if first is not turn:
            summary += f" ({first.voice} was heard as {first.outcome})"
        return self._assess_speed(summary, turn, allowed, first, excuse)

    def _assess_speed(
        self,
        summary: str,
        turn: SpokenTurn,
        allowed: Mapping[str, float],
        first: SpokenTurn,
        excuse: str,
    ) -> Finding:
        verdicts = {
            stage: expectations.rate_duration(
                turn.milliseconds.get(stage, 0.0), most, excused=bool(excuse)
            )
            for stage, most in allowed.items()
        }
        late = [stage for stage, verdict in verdicts.items() if verdict is not Verdict.OK]
        if late:
            durations = ", ".join(
                f"{stage} {turn.milliseconds[stage]:.0f} of {allowed[stage]:.0f} ms"
                for stage in late
            )
            failed = Verdict.FAILURE in verdicts.values()
            return Finding(
                self.name,
                Verdict.FAILURE if failed else Verdict.WARNING,
                f"{summary}; too slow{excuse and f', on {excuse}'}: {durations}",
                "Test again when nothing else runs. If it stays slow, see the checks `hearing`,"
                " `speaking`, `heat` and `power`, or choose a smaller model.",
            )
        if not turn.milliseconds:
            return self.warning(
                f"{summary}; its stages were not written down",
                "The database may be failing: see the check `database`.",
            )
        if first is not turn and not first.voice.startswith("its own voice (espeak"):
            return self.warning(
                summary,
                "It does not understand its own voice: choose a better stt.model, or another"
                " tts.voice. People may be misunderstood as well.",
            )
        return self.ok(summary)


def _excuse(engines: Sequence[str], context: CheckContext) -> str:
    """The reason in words for which a late answer is no failure; empty for none.

    As for each engine alone, a processor may be slow and a GPU may not.
    """
    if context.is_busy():
        return "a busy machine"
    on_gpu = any(expectations.engine_and_device(name)[1] == "cuda" for name in engines)
    return "" if on_gpu else "a processor"


async def _run_turn(
    context: CheckContext, daemon: DaemonClient, voice: str, pcm: bytes, extra: float
) -> SpokenTurn:
    """Says `pcm` and records the answer; `extra` seconds are added to the time-outs."""
    async with site_client.open_session(context, daemon) as session:
        call = session.call
        end = await call.say(SILENCE + pcm + SILENCE)
        try:
            first = await call.wait_for(
                lambda a: a.kind == "audio", since=end, seconds=ANSWER_SECONDS + extra
            )
            await call.wait_for(
                lambda a: a.kind == "bot-stopped-speaking",
                since=end,
                seconds=SPEAKING_SECONDS + extra,
            )
            at_client = 1000 * (first.at - end)
        except SessionError:
            if call.close_code is not None:
                raise
            at_client = 0.0  # no answer came, which the level of the turn shows
        events = await _events(daemon, call.conversation_id)
        return SpokenTurn(
            voice,
            _joined_text(events, "user_transcript"),
            _joined_text(events, "answer"),
            _answer_level(call, end),
            next((e["data"]["milliseconds"] for e in events if e["kind"] == "turn_timings"), {}),
            at_client,
        )


async def _events(daemon: DaemonClient, conversation_id: str) -> list[dict[str, Any]]:
    """The recorded events, once the answer is among them or EVENTS_SECONDS have passed."""
    events: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(EVENTS_SECONDS):
            while not {"answer", "turn_timings"} <= {event["kind"] for event in events}:
                await asyncio.sleep(0.1)
                events = await daemon.events(conversation_id)
    except TimeoutError:
        pass
    return events


def _joined_text(events: list[dict[str, Any]], kind: str) -> str:
    return " ".join(str(e["data"].get("text", "")) for e in events if e["kind"] == kind).strip()


def _answer_level(call: Call, since: float) -> AudioLevel:
    frames = [arrival.frame for arrival in call.after(since, "audio")]
    pcm = b"".join(frame.pcm for frame in frames if isinstance(frame, Audio))
    return audio_level.measure(pcm)
