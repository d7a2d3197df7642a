"""Distributes events to the pages that are open, in a call or not, and to each only its own.

    publish ─► one bounded queue per subscription ─► GET /api/events (appliance.api.events)

A page that misses an event asks for the state anew, so an event may be lost with its connection
and never delays who publishes it. All of it runs on the event loop.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from appliance.access.tokens import Role, reaches
from appliance.errors import TooManyRequests

MOST = 128  # subscriptions; each costs a socket and, at worst, QUEUED events
# Per client. A browser opens six connections to one host and needs some of them for requests.
MOST_PER_CLIENT = 4
QUEUED = 256  # events; a page that is further behind asks for the state anew
RETRY_SECONDS = 30.0


class Topic(StrEnum):
    """The topics of events; docs/protocol.md says what each carries."""

    TIMER = "timer"
    TASK = "task-update"
    AGENT_SAID = "agent-said"
    NOTICE = "notice"
    CONVERSATIONS = "conversations"
    SETTINGS = "settings"
    MODELS = "models"
    CLIENTS = "clients"
    ENGINES = "engines"


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One event; `data` is JSON-ready."""

    topic: Topic
    data: Mapping[str, Any]


class Subscription:
    """The events for one connection of a client, from the time it subscribed."""

    def __init__(self, client_id: str, role: Role) -> None:
        self.client_id = client_id
        self._role = role
        self._queue: asyncio.Queue[LiveEvent | None] = asyncio.Queue()
        self._ended = False

    def concerns(self, owner: str, minimum: Role) -> bool:
        """Whether an event for `owner` (empty: everybody) and that role is for this client."""
        own = owner in ("", self.client_id) or self._role is Role.ADMIN
        return own and reaches(self._role, minimum)

    def put(self, event: LiveEvent) -> None:
        """Queues an event; ends the subscription instead where it is too far behind."""
        if self._queue.qsize() >= QUEUED:
            self.end()
        elif not self._ended:
            self._queue.put_nowait(event)

    def end(self) -> None:
        """Ends it after the events that are queued; ending twice is ending once."""
        if not self._ended:
            self._ended = True
            self._queue.put_nowait(None)

    async def next(self) -> LiveEvent | None:
        """The next event; None, once only, when the subscription has ended."""
        return await self._queue.get()


class EventHub:
    """The subscriptions of the pages that are open now."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._counts: Counter[str] = Counter()
        self._closed = False

    @property
    def count(self) -> int:
        """The number of subscriptions."""
        return len(self._subscriptions)

    def publish(
        self,
        topic: Topic,
        data: Mapping[str, Any],
        *,
        owner: str = "",
        minimum: Role = Role.GUEST,
    ) -> int:
        """Sends an event to every page whose client has at least the role `minimum`.

        With `owner`, a client's id, only to that client's pages and to administrators. Returns at
        once, with the number of pages that it goes to.
        """
        event = LiveEvent(topic, data)
        chosen = [one for one in self._subscriptions if one.concerns(owner, minimum)]
        for subscription in chosen:
            subscription.put(event)
        return len(chosen)

    @contextmanager
    def subscribed(self, client_id: str, role: Role, source: str = "") -> Iterator[Subscription]:
        """Subscribes a client until left. Raises TooManyRequests for one subscription too many.

        `source` tells apart those who share a client's id, as everybody does with open access.
        """
        key = f"{client_id} {source}"
        subscription = Subscription(client_id, role)
        if self._closed or self.count >= MOST or self._counts[key] >= MOST_PER_CLIENT:
            raise TooManyRequests(
                "too many pages of this client are connected", retry_after=RETRY_SECONDS
            )
        self._subscriptions.append(subscription)
        self._counts[key] += 1
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)
            self._counts -= Counter([key])  # drops counts of zero too

    def drop_client(self, client_id: str) -> None:
        """Ends a client's subscriptions, because it has another role now, or none."""
        for subscription in self._subscriptions:
            if subscription.client_id == client_id:
                subscription.end()

    def close(self) -> None:
        """Ends all subscriptions, and admits no more."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.end()
