"""Deletes conversations: at once, or so that it can be undone for some seconds."""

import asyncio
import contextlib
import logging
import time

from appliance.agents.service import AgentService
from appliance.app.audience import Audience
from appliance.concurrency import BackgroundTasks
from appliance.errors import NotFound
from appliance.event_hub import Topic
from appliance.store.store import Store

log = logging.getLogger(__name__)

UNDO_SECONDS = 10.0
# The time for conversations that are being forgotten: deleting one merges the search index.
FORGET_SECONDS = 5.0


class ConversationDeletion:
    """Deletes conversations with their sessions and tasks.

    One whose deletion can still be undone is hidden. It is deleted for good after `undo_seconds`,
    when the appliance stops, or at its next start.
    """

    def __init__(
        self,
        store: Store,
        audience: Audience,
        agents: AgentService,
        undo_seconds: float = UNDO_SECONDS,
    ) -> None:
        self._store = store
        self._audience = audience
        self._agents = agents
        self._undo_seconds = undo_seconds
        self._pending: dict[str, asyncio.Event] = {}
        self._background = BackgroundTasks()

    async def delete(self, conversation_id: str) -> None:
        """Ends its sessions and hides it; it is gone for good if nobody restores it in time.

        Raises NotFound.
        """
        owner = await self._store.keeping.owner(conversation_id)
        await self._audience.end_conversation(conversation_id, at_pause=False)
        await self._store.keeping.hide(conversation_id, time.time())
        self._delete_later(conversation_id, owner)
        self._publish(conversation_id, "deleted", owner)

    async def restore(self, conversation_id: str) -> None:
        """Shows a conversation again; raises NotFound once it is gone for good."""
        owner = await self._store.keeping.owner(conversation_id)
        await self._store.keeping.restore(conversation_id)
        if pending := self._pending.pop(conversation_id, None):
            pending.set()
        self._publish(conversation_id, "restored", owner)

    async def delete_now(self, conversation_id: str) -> None:
        """Deletes a conversation for good, after ending its sessions. Raises NotFound."""
        await self._audience.end_conversation(conversation_id, at_pause=False)
        await self._agents.forget(conversation_id)
        await self._store.delete(conversation_id)

    def forget_later(self, conversation_id: str) -> None:
        """Deletes a conversation for good, once the goodbye has been said in it."""

        async def forget() -> None:
            await self._audience.end_conversation(conversation_id)
            await self.delete_now(conversation_id)

        self._background.run(forget(), f"forget {conversation_id}")

    async def finish_pending(self) -> None:
        """Deletes for good what a former process had hidden."""
        for conversation_id in await self._store.keeping.hidden():
            await self._store.delete(conversation_id)

    async def close(self) -> None:
        """Deletes for good what is hidden, and finishes what is being forgotten."""
        for pending in self._pending.values():
            pending.set()
        await self._background.finish(FORGET_SECONDS)

    def _delete_later(self, conversation_id: str, owner: str | None) -> None:
        undone = self._pending[conversation_id] = asyncio.Event()

        async def delete() -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._undo_seconds):
                    await undone.wait()
            # Restored meanwhile, it is not pending any more, or is pending for another deletion.
            if self._pending.get(conversation_id) is not undone:
                return
            with contextlib.suppress(NotFound):  # deleted on the command line
                await self.delete_now(conversation_id)
            self._pending.pop(conversation_id, None)

        self._background.run(delete(), f"delete {conversation_id}")

    def _publish(self, conversation_id: str, change: str, owner: str | None) -> None:
        data = {"id": conversation_id, "change": change}
        self._audience.hub.publish(Topic.CONVERSATIONS, data, owner=owner or "")
