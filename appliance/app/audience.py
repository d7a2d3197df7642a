"""Reaches the clients, in a call or with an open page, with messages, timers, announcements."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from appliance.access.tokens import Role
from appliance.conversation import Task
from appliance.event_hub import EventHub, Topic
from appliance.tools import IsGuest
from appliance.wire import ServerMessage

if TYPE_CHECKING:
    from appliance.voice.session_registry import SessionRegistry


class Audience:
    """The clients in a session, none until the voice pipeline is loaded, and those of `hub`.

    `is_guest` tells whether a client, by its id, has no more rights than a guest. A page with a
    session gets a message twice, and takes it for the same by its id.
    """

    def __init__(self, is_guest: IsGuest, hub: EventHub) -> None:
        self.is_guest = is_guest
        self.hub = hub
        self._sessions: SessionRegistry | None = None

    def admit(self, sessions: "SessionRegistry") -> None:
        """Makes the clients of `sessions` the audience, once the pipeline is loaded."""
        self._sessions = sessions

    @property
    def open_count(self) -> int:
        """The number of open sessions."""
        return self._sessions.open_count if self._sessions else 0

    @property
    def conversations(self) -> set[str]:
        """The conversations in which somebody talks, or may begin to."""
        return {one.conversation_id for one in self._sessions.list()} if self._sessions else set()

    @property
    def idle(self) -> bool:
        """Whether nobody speaks, waits for an answer or hears one."""
        return self._sessions is None or self._sessions.idle

    def send_message(self, message: ServerMessage, client_id: str = "") -> None:
        """Sends a message to every page, or to those of one client and of administrators."""
        self.hub.publish(Topic(message.type), message.to_json(), owner=client_id)
        if self._sessions:
            self._sessions.send_message(message, client_id)

    async def send_to_users(self, message: ServerMessage) -> None:
        """Sends a message to every page except those of guests."""
        self.hub.publish(Topic(message.type), message.to_json(), minimum=Role.USER)
        if self._sessions:
            for client_id in await self._without_guests(self._sessions.clients()):
                self._sessions.send_message(message, client_id)

    def engines_changed(self) -> None:
        """Sends every page the engines that answer now, and notes them in every conversation."""
        self.hub.publish(Topic.ENGINES, {})
        if self._sessions:
            self._sessions.engines_changed()

    async def ring(self, text: Callable[[str], str], message: ServerMessage) -> Mapping[str, int]:
        """Rings in every open session, speaks the text in its language, and tells every page.

        Returns the sessions that heard it, with the number of the turn in each.
        """
        self.hub.publish(Topic(message.type), message.to_json())
        return await self.ring_again(text, message, {}) or {}

    async def ring_again(
        self, text: Callable[[str], str], message: ServerMessage, heard: Mapping[str, int]
    ) -> Mapping[str, int] | None:
        """Rings once more; None where somebody has spoken since. See SessionRegistry."""
        return await self._sessions.ring(text, message, heard) if self._sessions else {}

    async def tell(self, text: Callable[[str], str]) -> bool:
        """Says a text, in the language of each open session, at its next pause.

        False where nobody heard it.
        """
        return self._sessions is not None and await self._sessions.tell(text)

    async def say_at_pause(self, text: str, task: Task) -> bool:
        """Announces how a task ended, never to guests; False where nobody heard it."""
        if self._sessions is None:
            return False
        hearers = await self._without_guests(self._sessions.clients())
        return await self._sessions.say_at_pause(text, task, hearers)

    async def end_conversation(self, conversation_id: str, *, at_pause: bool = True) -> None:
        """Ends the sessions of a conversation, once the sentence being spoken is finished."""
        if self._sessions and at_pause:
            await self._sessions.end_conversation_at_pause(conversation_id)
        elif self._sessions:
            await self._sessions.end_conversation(conversation_id)

    async def _without_guests(self, clients: Iterable[str]) -> set[str]:
        return {client for client in clients if not await self.is_guest(client)}
