"""Holds in memory what a person wants nobody to keep, for as long as the conversation may go on."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace

from appliance.conversation import Event, EventKind
from appliance.store.records import TurnRecord

# One that is dropped would be kept again, so there is room for years of them: about 25 MB.
MOST_CONVERSATIONS = 100_000
MOST_WITH_TURNS = 64  # more than there are sessions
MOST_TURNS = 20  # what a session gets that resumes a conversation, and more

Turns = OrderedDict[tuple[str, int], TurnRecord]
"""Turns by session and number."""


class UnkeptConversations:
    """The conversations of which nothing is written to the disk, and their last turns.

    The turns are there so that a connection that breaks off can be resumed. Those of the
    conversations used longest ago are dropped first; all end with the process at the latest.
    """

    def __init__(self) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict()  # clients by conversation
        self._turns: OrderedDict[str, Turns] = OrderedDict()

    def __contains__(self, conversation_id: object) -> bool:
        return conversation_id in self._owners

    def add(self, conversation_id: str, client_id: str, turns: Iterable[TurnRecord] = ()) -> None:
        """Keeps nothing of the conversation from now on; `turns` are those that it had so far."""
        self._owners[conversation_id] = client_id
        if len(self._owners) > MOST_CONVERSATIONS:
            self.discard(next(iter(self._owners)))
        held = self._used(conversation_id)
        for turn in turns:
            held[turn.session_id, turn.number] = turn

    def discard(self, conversation_id: str) -> bool:
        """Forgets the conversation, or has it kept from now on; False where it was not here."""
        self._turns.pop(conversation_id, None)
        return self._owners.pop(conversation_id, None) is not None

    def owner(self, conversation_id: str) -> str | None:
        """The client whose conversation it is; None where it is not here."""
        return self._owners.get(conversation_id)

    def recent_turns(self, conversation_id: str, n: int) -> list[TurnRecord]:
        """The last `n` turns, oldest first."""
        turns = self._turns.get(conversation_id)
        return list(turns.values())[-n:] if turns and n > 0 else []

    def note(self, event: Event) -> None:
        """Adds what was said or heard to the turns."""
        spoken = event.kind in (EventKind.USER_TRANSCRIPT, EventKind.ANSWER)
        if event.conversation_id not in self or not spoken or not event.turn:
            return
        turns = self._used(event.conversation_id)
        key = (event.session_id, event.turn)
        turn = turns.get(key) or _begun(event)
        text = str(event.data.get("text", ""))
        if event.kind == EventKind.ANSWER:
            turn = replace(turn, answer=f"{turn.answer} {text}".strip())
        else:
            turn = replace(turn, user_text=f"{turn.user_text} {text}".strip())
        turns[key] = replace(turn, ended_at=event.at)
        while len(turns) > MOST_TURNS:
            turns.popitem(last=False)

    def _used(self, conversation_id: str) -> Turns:
        """The turns of a conversation that is used now, which makes it the last to be dropped."""
        turns = self._turns.setdefault(conversation_id, Turns())
        self._turns.move_to_end(conversation_id)
        self._owners.move_to_end(conversation_id)
        if len(self._turns) > MOST_WITH_TURNS:
            self._turns.popitem(last=False)
        return turns


def _begun(event: Event) -> TurnRecord:
    return TurnRecord(
        *(event.session_id, event.turn, event.at, event.at, "", "", None, None),
        left_the_box=False,
        timings=None,
    )
