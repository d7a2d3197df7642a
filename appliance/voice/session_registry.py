"""All sessions of the appliance: admitted up to a limit, found by id, ended together."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

from appliance.access.tokens import Role
from appliance.audio.chime import chime
from appliance.conversation import SELFTEST_PREFIX, EventKind, Task
from appliance.errors import RouteRefused, SessionLimit, SessionTaken, SessionUnknown
from appliance.llm.context import from_history
from appliance.voice.close_reason import CLOSE_FRAMES, CloseReason
from appliance.voice.parts import SharedParts
from appliance.voice.places import Places
from appliance.voice.session import Session, SessionCallbacks, SessionState
from appliance.voice.session_options import SessionOptions
from appliance.wire import NoticeMessage, ServerMessage, Socket

log = logging.getLogger(__name__)

# As long as an ended session may take to release everything; the process ends all the same.
RELEASE_SECONDS = 5.0

History = Callable[[str], Awaitable[Sequence[tuple[str, str]]]]
"""The last turns of a conversation, by its id: what the user said, and the answer."""


class SessionRegistry:
    """The sessions that are offered or open; at most `limit()` talk at once (see `seats`).

    `on_count` is called with the number of open sessions whenever it changes. The parts in `shared`
    are those of the sessions that are created from now on.
    """

    def __init__(
        self,
        shared: SharedParts,
        callbacks: SessionCallbacks,
        limit: Callable[[], int],
        history: History,
        on_count: Callable[[int], None],
    ) -> None:
        self.shared = shared
        self._callbacks = callbacks
        self._history = history
        self._on_count = on_count
        self._places = Places(limit, callbacks.alarm_unheard)
        self._sessions = self._places.sessions
        self._closing = False

    def open(
        self,
        *,
        voice: str,
        language: str,
        system_prompt: str,
        conversation_id: str,
        client_id: str,
        role: Role | None = None,
        route: str = "",
    ) -> Session:
        """Offers a session, to be attached within a minute; empty options mean the defaults.

        An offer takes no place. `role` is None where clients are not told apart.

        Raises RouteRefused where the route is not open, LanguageUnknown or VoiceUnknown for what
        does not exist, SessionLimit where there is no place for this client, or the appliance is
        stopping.
        """
        self._places.drop_expired_offers()
        route = route or self.shared.first_route
        if route not in self.shared.routes:
            raise RouteRefused("the realtime route is not open on this appliance")
        options = SessionOptions(voice, language, system_prompt)
        options.check(self.shared)
        if self._closing:
            raise SessionLimit("the appliance is restarting", advice="Try again in a few seconds.")
        self._places.check(client_id, role)
        session = Session(
            secrets.token_hex(8),
            conversation_id,
            client_id,
            self.shared,
            self._callbacks,
            options,
            route,
        )
        self._places.offer(session, role)
        return session

    async def attach(self, session_id: str, socket: Socket) -> None:
        """Runs a session on its client's socket until it ends.

        Raises SessionUnknown, or SessionTaken where a client is connected already.
        """
        session = self.get(session_id)
        if session.state is not SessionState.OFFERED:
            raise SessionTaken("this session already has its client")
        try:
            if gives_way := self._places.take(session):
                gives_way.end(CloseReason.GAVE_WAY)
        except SessionLimit:
            self._places.remove(session_id)
            await socket.close(*CLOSE_FRAMES[CloseReason.NO_PLACE])
            return
        session.state = SessionState.OPEN
        self._on_count(self.open_count)
        try:
            history = from_history(await self._history(session.conversation_id))
            await session.run(socket, history)
        except Exception:  # the boundary of a session: its client gets a reason
            log.exception("session %s failed", session_id)
            await socket.close(*CLOSE_FRAMES[CloseReason.FAILED])
        finally:
            session.state = SessionState.ENDED
            session.released.set()
            self._places.remove(session_id)
            self._on_count(self.open_count)

    def get(self, session_id: str) -> Session:
        """Raises SessionUnknown."""
        session = self._sessions.get(session_id)
        if session is None or session.state is SessionState.ENDED:
            raise SessionUnknown
        return session

    @property
    def first_route(self) -> str:
        """The route of a session that does not ask for one."""
        return self.shared.first_route

    @property
    def open_count(self) -> int:
        return sum(session.state is SessionState.OPEN for session in self._sessions.values())

    @property
    def idle(self) -> bool:
        """Whether no session is in a turn."""
        return not any(session.in_turn for session in self._sessions.values())

    def list(self) -> list[Session]:
        self._places.drop_expired_offers()
        return [s for s in self._sessions.values() if s.state is not SessionState.ENDED]

    def close(self, session_id: str, reason: CloseReason = CloseReason.HUNG_UP) -> None:
        """Ends a session. Raises SessionUnknown."""
        session = self.get(session_id)
        if session.state is SessionState.OFFERED:
            self._places.remove(session_id)
        session.end(reason)

    def revoke_client(self, client_id: str) -> None:
        """Ends all sessions of a client that lost its access."""
        for session in self.list():
            if session.client_id == client_id:
                self.close(session.session_id, CloseReason.REVOKED)

    async def end_conversation(self, conversation_id: str) -> None:
        """Ends all sessions of a conversation; returns when they have recorded their end."""
        sessions = [s for s in self.list() if s.conversation_id == conversation_id]
        open_sessions = [session for session in sessions if session.state is SessionState.OPEN]
        for session in sessions:
            self.close(session.session_id)
        await _released(open_sessions)

    async def end_conversation_at_pause(self, conversation_id: str) -> None:
        """Ends all sessions of a conversation once nobody speaks in it."""
        sessions = [s for s in self._sessions.values() if s.conversation_id == conversation_id]
        await asyncio.gather(*(session.wait_for_pause() for session in sessions))
        await self.end_conversation(conversation_id)

    def send_message(self, message: ServerMessage, client_id: str = "") -> None:
        """Sends every page a message, or those of one client."""
        for session in self._sessions.values():
            if client_id in ("", session.client_id):
                session.send_message(message)

    def engines_changed(self) -> None:
        """Other engines answer from now on, in every session."""
        for session in self._sessions.values():
            session.engines_changed()

    def clients(self) -> frozenset[str]:
        """The clients with an open session."""
        return frozenset(session.client_id for session in self._attended())

    async def ring(
        self, text: Callable[[str], str], message: ServerMessage, heard: Mapping[str, int]
    ) -> dict[str, int] | None:
        """Rings in every open session and says the text in its language.

        `heard` are the sessions in which it rang before, with the number of the turn in each: there
        it rings once more, where nobody talks. Returns those in which it rang for the first time;
        None where a turn has begun since in one of `heard`, because its user has heard the alarm.
        """
        attended = self._attended()
        again = [session for session in attended if session.session_id in heard]
        if any(session.recorder.turn != heard[session.session_id] for session in again):
            return None
        for session in again:
            if not session.in_turn:
                # Once in the context of the model is enough.
                await session.announce(_announcement(session, text), chime(), quoted=True)
        return await _ring_in([s for s in attended if s not in again], text, message)

    async def tell(self, text: Callable[[str], str]) -> bool:
        """Says the text, in its language, in every open session at its next pause.

        False where nobody could hear it.
        """
        return any(await asyncio.gather(*(_tell(s, text) for s in self._attended())))

    async def say_at_pause(self, text: str, task: Task, clients: Collection[str]) -> bool:
        """Says at the next pause how a task ended; False where nobody could hear it.

        It is said in the conversation in which the task was asked for, else to the client who
        asked, else in every open session of `clients`, the only ones that may hear it.
        """
        sessions = [s for s in self._attended() if s.client_id in clients]
        chosen = (
            [s for s in sessions if s.conversation_id == task.conversation_id]
            or [s for s in sessions if s.client_id == task.client_id]
            or sessions
        )
        return any(await asyncio.gather(*(_say_at_pause(s, text, task) for s in chosen)))

    async def shut_down(self, seconds: float) -> None:
        """Admits no more sessions, lets each finish its sentence, and ends them all."""
        self._closing = True
        sessions = [session for session in self.list() if session.state is SessionState.OPEN]
        for session in sessions:
            session.send_message(NoticeMessage("The appliance is restarting."))
        await asyncio.gather(*(session.finish_speaking(seconds) for session in sessions))
        for session in sessions:
            session.end(CloseReason.SHUTDOWN)
        await _released(sessions)

    def _attended(self) -> Sequence[Session]:
        """The open sessions that a person may hear; those of a self-test are not."""
        return [
            session
            for session in self._sessions.values()
            if session.state is SessionState.OPEN
            and not session.conversation_id.startswith(SELFTEST_PREFIX)
        ]


async def _tell(session: Session, text: Callable[[str], str]) -> bool:
    await session.wait_for_pause()
    return await session.announce(text(session.tool_context.spoken_language), chime())


async def _ring_in(
    sessions: Sequence[Session], text: Callable[[str], str], message: ServerMessage
) -> dict[str, int]:
    heard = {}
    for session in sessions:
        said = _announcement(session, text)
        if await session.announce(said, chime()):
            session.send_message(message)
            session.recorder.emit(EventKind.TIMER_RANG, text=said)
            heard[session.session_id] = session.recorder.turn
    return heard


def _announcement(session: Session, text: Callable[[str], str]) -> str:
    return text(session.tool_context.spoken_language)


async def _say_at_pause(session: Session, text: str, task: Task) -> bool:
    await session.wait_for_pause()
    said = await session.announce(text, chime(), quoted=True)
    if said:
        session.recorder.emit(EventKind.TASK, task=task.id, agent=task.agent, said=text)
    return said


async def _released(sessions: Iterable[Session]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(RELEASE_SECONDS):
            await asyncio.gather(*(session.released.wait() for session in sessions))
