"""Stores the events of sessions, and tells open pages which conversations have changed."""

from appliance.concurrency import BackgroundTasks
from appliance.conversation import SELFTEST_PREFIX, Event, EventKind
from appliance.event_hub import EventHub, Topic
from appliance.store.store import Store

# What changes the list of conversations: one begins, gets its title or is the latest used.
CHANGES = {
    EventKind.SESSION_STARTED: "created",
    EventKind.USER_TRANSCRIPT: "changed",
    EventKind.ANSWER: "changed",
    EventKind.SESSION_ENDED: "changed",
}


class ConversationFeed:
    """The way of an event into the database, and its echo on the pages of its owner."""

    def __init__(self, store: Store, hub: EventHub) -> None:
        self._store = store
        self._hub = hub
        self._owners: dict[str, str] = {}
        self._background = BackgroundTasks()

    def record(self, event: Event) -> None:
        """Stores an event; returns at once."""
        self._store.append(event)
        change = CHANGES.get(event.kind)
        if event.kind is EventKind.SESSION_STARTED:
            self._owners[event.session_id] = str(event.data.get("client_id", ""))
        owner = self._owners.get(event.session_id, "")
        if event.kind is EventKind.SESSION_ENDED:
            self._owners.pop(event.session_id, None)
        is_shown = self._hub.count and not event.conversation_id.startswith(SELFTEST_PREFIX)
        if change and owner and is_shown and self._store.keeping.keeps(event.conversation_id):
            publishing = self._publish(event.conversation_id, change, owner)
            self._background.run(publishing, "tell pages of a conversation")

    async def _publish(self, conversation_id: str, change: str, owner: str) -> None:
        await self._store.flush()  # a page that asks for the list at once must find it there
        data = {"id": conversation_id, "change": change}
        self._hub.publish(Topic.CONVERSATIONS, data, owner=owner)

    async def close(self) -> None:
        """Tells nobody any more."""
        await self._background.cancel()
