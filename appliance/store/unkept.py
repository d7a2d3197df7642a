"""Holds in memory what a person wants nobody to keep, for as long as the conversation may go on."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from appliance.conversation import Event, EventKind
from appliance.store.records import TurnRecord

MOST_CONVERSATIONS = 64  # more than there are sessions; the one used longest ago is dropped
MOST_TURNS = 20  # what a session gets that resumes a conversation, and more


@dataclass(slots=True)
class _Unkept:
    """A conversation of a client, with its last turns by session and number."""

    client_id: str
    turns: OrderedDict[tuple[str, int], TurnRecord] = field(default_factory=OrderedDict)


class UnkeptConversations:
    """The conversations of which nothing is written to the disk, and their last turns.

    The turns are there so that a connection that breaks off can be resumed; they end with the
    process at the latest.
    """

    def __init__(self) -> None:
        self._conversations: OrderedDict[str, _Unkept] = OrderedDict()

    def __contains__(self, conversation_id: object) -> bool:
        return conversation_id in self._conversations

    def add(self, conversation_id: str, client_id: str, turns: Iterable[TurnRecord] = ()) -> None:
        """Keeps nothing of the conversation from now on; `turns` are those that it had so far."""
        unkept = _Unkept(client_id)
        for turn in turns:
            unkept.turns[turn.session_id, turn.number] = turn
        self._conversations[conversation_id] = unkept
        if len(self._conversations) > MOST_CONVERSATIONS:
            self._conversations.popitem(last=False)

    def discard(self, conversation_id: str) -> bool:
        """Forgets the conversation, or has it kept from now on; False where it was not here."""
        return self._conversations.pop(conversation_id, None) is not None

    def owner(self, conversation_id: str) -> str | None:
        """The client whose conversation it is; None where it is not here."""
        unkept = self._conversations.get(conversation_id)
        return unkept.client_id if unkept else None

    def recent_turns(self, conversation_id: str, n: int) -> list[TurnRecord]:
        """The last `n` turns, oldest first."""
        unkept = self._conversations.get(conversation_id)
        return list(unkept.turns.values())[-n:] if unkept and n > 0 else []

    def note(self, event: Event) -> None:
        """Adds what was said or heard to the turns."""
        unkept = self._conversations.get(event.conversation_id)
        spoken = event.kind in (EventKind.USER_TRANSCRIPT, EventKind.ANSWER)
        if unkept is None or not spoken or not event.turn:
            return
        key = (event.session_id, event.turn)
        turn = unkept.turns.get(key) or _begun(event)
        text = str(event.data.get("text", ""))
        if event.kind == EventKind.ANSWER:
            turn = replace(turn, answer=f"{turn.answer} {text}".strip())
        else:
            turn = replace(turn, user_text=f"{turn.user_text} {text}".strip())
        unkept.turns[key] = replace(turn, ended_at=event.at)
        while len(unkept.turns) > MOST_TURNS:
            unkept.turns.popitem(last=False)
        self._conversations.move_to_end(event.conversation_id)


def _begun(event: Event) -> TurnRecord:
    return TurnRecord(
        *(event.session_id, event.turn, event.at, event.at, "", "", None, None),
        left_the_box=False,
        timings=None,
    )
