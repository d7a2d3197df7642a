"""The whole path: it says a sentence, hears it as a client's, and answers it aloud in time."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from appliance.bench.recordings import COMMANDS, sentences
from appliance.client import Call
from appliance.conversation import NO_ANSWERS
from appliance.errors import SessionError, SessionLimit
from appliance.selftest import audio_level, speed, visit
from appliance.selftest.audio_level import Sound
from appliance.selftest.check import BaseCheck, Finding, Verdict
from appliance.selftest.checks.websocket import WebSocketCheck
from appliance.selftest.context import CheckContext
from appliance.selftest.daemon_client import DaemonClient
from appliance.text.word_error_rate import error_rate
from appliance.wire import Audio

SENTENCE = "what time is it"  # a tool answers it; no language model is asked
WRONG = 0.34  # of the words: one of the four may be another
LEAD = bytes(9_600)  # 0.3 s of silence before and after, as a person leaves
ANSWER_SECONDS = 12.0
SPEAKING_SECONDS = 30.0
WRITTEN_SECONDS = 5.0  # until the events of the turn are in the database
# The answer is about three times as long as the question. Who takes a minute to speak that is
# slow, which is a finding of its own, and not silent.
ANSWER_LENGTH = 3.0


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """What became of the sentence, as the client and the database saw it.

    `milliseconds` are from the end of speech to the end of each stage, as the appliance measured
    them; `at_client` is that to the first sound at the client.
    """

    voice: str
    heard: str
    answer: str
    sound: Sound
    milliseconds: Mapping[str, float]
    at_client: float

    @property
    def understood(self) -> bool:
        """Its words were heard, or nearly, and it was told the time."""
        return error_rate(SENTENCE, self.heard) <= WRONG and not self.answer.startswith(NO_ANSWERS)

    @property
    def shown(self) -> str:
        """How it was heard and, where that was not the reason, what was answered."""
        wrong = error_rate(SENTENCE, self.heard) > WRONG
        return repr(self.heard) + (f" and answered {self.answer!r}" if not wrong else "")


class FullTurnCheck(BaseCheck):
    name: ClassVar[str] = "spoken"
    title: ClassVar[str] = "A conversation"
    limit: ClassVar[float] = 180.0

    async def run(self, facts: CheckContext) -> Finding:
        import aiohttp

        if facts.daemon is None:
            return self.skipped("the appliance does not run")
        try:
            return await self._talk(facts, facts.daemon)
        except SessionLimit as error:
            return self.warning(error.message, "Test again when somebody has hung up.")
        except (SessionError, aiohttp.ClientError, OSError) as error:
            return self.failure(
                f"the conversation broke off: {error}",
                f"See the check `{WebSocketCheck.name}` and `journalctl -u voice-appliance`.",
            )

    async def _talk(self, facts: CheckContext, daemon: DaemonClient) -> Finding:
        """First with its own voice; where it does not understand that, with a recorded one."""
        own = await daemon.say(SENTENCE)
        patience = ANSWER_LENGTH * own.seconds
        recorded = next(one for one in sentences(COMMANDS) if one.text == SENTENCE)
        turn = await _turn(
            *(facts, daemon, f"its own voice ({own.engine})"),
            *(audio_level.for_a_microphone(own.pcm), patience),
        )
        first = turn
        if not turn.understood:
            turn = await _turn(facts, daemon, "a recorded voice", recorded.pcm, patience)
        engines = (await daemon.status())["engines"]
        hold = 1000 * facts.config.turn.stop_seconds
        allowed = speed.stages_allowed(engines["stt"]["name"], engines["tts"]["name"], hold)
        names = [engines[kind]["name"] for kind in ("stt", "tts")]
        return self.judge(turn, allowed, first, _excuse(names, facts)).with_figures(
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
        """`first` is the turn in its own voice, which is `turn` where that was understood.

        With an `excuse`, being late is no failure.
        """
        if not turn.understood:
            return self.failure(
                f"said {SENTENCE!r} in {turn.voice} and heard {turn.shown}",
                "See the check `hearing`. If only this one fails, raise the microphone's share:"
                " lower turn.min_volume or turn.confidence to their defaults; and tools.enabled"
                " must not leave out the tools of the clock.",
            )
        if fault := turn.sound.fault(turn.answer):
            return self.failure(
                f"understood {SENTENCE!r}, but {fault} in answer",
                "See the check `speaking`.",
            )
        shown = (
            f"{SENTENCE!r} in {turn.voice} was understood and answered {turn.answer!r};"
            f" first sound after {turn.at_client:.0f} ms"
        )
        if first is not turn:
            shown += f" ({first.voice} was heard as {first.shown})"
        return self._in_time(shown, turn, allowed, first, excuse)

    def _in_time(
        self,
        shown: str,
        turn: SpokenTurn,
        allowed: Mapping[str, float],
        first: SpokenTurn,
        excuse: str,
    ) -> Finding:
        slow = {
            stage: speed.over(turn.milliseconds.get(stage, 0.0), most, excused=bool(excuse))
            for stage, most in allowed.items()
        }
        late = [stage for stage, verdict in slow.items() if verdict is not Verdict.OK]
        if late:
            told = ", ".join(
                f"{stage} {turn.milliseconds[stage]:.0f} of {allowed[stage]:.0f} ms"
                for stage in late
            )
            failed = Verdict.FAILURE in slow.values()
            return Finding(
                self.name,
                Verdict.FAILURE if failed else Verdict.WARNING,
                f"{shown}; too slow{excuse and f', on {excuse}'}: {told}",
                "Test again when nothing else runs. If it stays slow, see the checks `hearing`,"
                " `speaking`, `heat` and `power`, or choose a smaller model.",
            )
        if not turn.milliseconds:
            return self.warning(
                f"{shown}; its stages were not written down",
                "The database may be failing: see the check `database`.",
            )
        if first is not turn and not first.voice.startswith("its own voice (espeak"):
            return self.warning(
                shown,
                "It does not understand its own voice: choose a better stt.model, or another"
                " tts.voice. People may be misunderstood as well.",
            )
        return self.ok(shown)


def _excuse(engines: Sequence[str], facts: CheckContext) -> str:
    """On what being late is no failure; as for each engine alone, a slow processor is slow."""
    if facts.busy():
        return "a busy machine"
    on_gpu = any(speed.engine_and_device(name)[1] == "cuda" for name in engines)
    return "" if on_gpu else "a processor"


async def _turn(
    facts: CheckContext, daemon: DaemonClient, voice: str, pcm: bytes, patience: float
) -> SpokenTurn:
    """`patience` is what its voice may take longer than a fast one, in seconds."""
    async with visit.session(facts, daemon) as visitor:
        call = visitor.call
        end = await call.say(LEAD + pcm + LEAD)
        try:
            first = await call.wait_for(
                lambda a: a.kind == "audio", since=end, seconds=ANSWER_SECONDS + patience
            )
            await call.wait_for(
                lambda a: a.kind == "bot-stopped-speaking",
                since=end,
                seconds=SPEAKING_SECONDS + patience,
            )
            at_client = 1000 * (first.at - end)
        except SessionError:
            if call.close_code is not None:
                raise
            at_client = 0.0  # nothing was said in answer, which the turn then shows
        events = await _events(daemon, call.conversation_id)
        return SpokenTurn(
            voice,
            _text(events, "user_transcript"),
            _text(events, "answer"),
            _sound(call, end),
            next((e["data"]["milliseconds"] for e in events if e["kind"] == "turn_timings"), {}),
            at_client,
        )


async def _events(daemon: DaemonClient, conversation_id: str) -> list[dict[str, Any]]:
    """What was written down of the conversation, once the answer is; or what there is by then."""
    events: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(WRITTEN_SECONDS):
            while not {"answer", "turn_timings"} <= {event["kind"] for event in events}:
                await asyncio.sleep(0.1)
                events = await daemon.events(conversation_id)
    except TimeoutError:
        pass
    return events


def _text(events: list[dict[str, Any]], kind: str) -> str:
    return " ".join(str(e["data"].get("text", "")) for e in events if e["kind"] == kind).strip()


def _sound(call: Call, since: float) -> Sound:
    frames = [arrival.frame for arrival in call.after(since, "audio")]
    pcm = b"".join(frame.pcm for frame in frames if isinstance(frame, Audio))
    return audio_level.measured(pcm)
