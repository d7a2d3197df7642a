"""Names conversations, deletes them so that it can be undone, and keeps some of them not at all."""

from collections.abc import Awaitable, Callable
from functools import partial

from appliance.store import deletion, queries
from appliance.store.connection import Perform
from appliance.store.records import ConversationSummary, TurnPage, TurnRecord
from appliance.store.tasks import StoredTasks
from appliance.store.unkept import MOST_TURNS, UnkeptConversations

RecentTurns = Callable[[str, int], Awaitable[list[TurnRecord]]]


class ConversationKeeping:
    """Each conversation as a whole, by its id: whose it is, its title, and whether it is kept.

    `scrub` has the words of deleted conversations removed from all files, within seconds.
    Methods raise StoreError, and NotFound where there is no such conversation.
    """

    def __init__(
        self,
        write: Perform,
        read: Perform,
        unkept: UnkeptConversations,
        tasks: StoredTasks,
        recent_turns: RecentTurns,
        scrub: Callable[[], None],
    ) -> None:
        self._write = write
        self._read = read
        self._unkept = unkept
        self._tasks = tasks
        self._recent_turns = recent_turns
        self._scrub = scrub

    async def summary(self, conversation_id: str) -> ConversationSummary:
        """See `queries.summary`."""
        return await self._read(partial(queries.summary, conversation_id=conversation_id))

    async def owner(self, conversation_id: str) -> str | None:
        """See `queries.owner`; knows the owner of a conversation that is not kept, too."""
        if conversation_id in self._unkept:
            return self._unkept.owner(conversation_id)
        return await self._read(partial(queries.owner, conversation_id=conversation_id))

    async def turns(self, conversation_id: str, limit: int, before: int | None = None) -> TurnPage:
        """See `queries.turn_page`."""
        return await self._read(
            partial(queries.turn_page, conversation_id=conversation_id, limit=limit, before=before)
        )

    async def rename(self, conversation_id: str, title: str) -> None:
        """Gives a conversation another title."""
        renamed = partial(deletion.rename, conversation_id=conversation_id, title=title)
        if not await self._write(renamed):
            raise queries.unknown_conversation(conversation_id)

    async def hide(self, conversation_id: str, at: float) -> None:
        """Hides a conversation that is to be deleted; NotFound also where it is hidden already."""
        await self._mark(conversation_id, at)

    async def restore(self, conversation_id: str) -> None:
        """Shows a hidden conversation again; NotFound also where it is not hidden."""
        await self._mark(conversation_id, None)

    async def _mark(self, conversation_id: str, at: float | None) -> None:
        marked = partial(deletion.mark_deleted, conversation_id=conversation_id, at=at)
        if not await self._write(marked):
            raise queries.unknown_conversation(conversation_id)

    async def hidden(self) -> list[str]:
        """See `queries.hidden_conversations`."""
        return await self._read(queries.hidden_conversations)

    def keeps(self, conversation_id: str) -> bool:
        """Whether what is said in it from now on is kept."""
        return conversation_id not in self._unkept

    async def stop(self, conversation_id: str, client_id: str) -> None:
        """Keeps nothing of a conversation from now on, and deletes what was kept of it.

        Its last turns and its tasks go on in memory, until the process ends.
        """
        if conversation_id in self._unkept:
            return
        turns = await self._recent_turns(conversation_id, MOST_TURNS)
        tasks = await self._tasks.of_conversation(conversation_id)
        self._unkept.add(conversation_id, client_id, turns)
        self._tasks.hold(tasks)
        # The writer works in order: what was queued before is deleted too.
        if await self._write(partial(deletion.delete_rows, conversation_id=conversation_id)):
            self._scrub()

    def resume(self, conversation_id: str) -> None:
        """Keeps what is said in a conversation from now on."""
        self._unkept.discard(conversation_id)
