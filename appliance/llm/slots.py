"""Gives each session that talks a slot of the server, which keeps its conversation computed.

A slot holds one conversation. Two that share one would each have to be computed anew at every turn.
Pure: it counts, and knows of no server.
"""

from collections.abc import Iterable


class SlotLeases:
    """The slots of one server, `number` of them, and the sessions that have them.

    The lowest free slot is given first: the beginning of every session is computed there already.
    """

    def __init__(self, number: int) -> None:
        self._free = list(range(number))
        # The session that asked longest ago comes first.
        self._held: dict[str, int] = {}

    def for_question(self, session: str) -> int:
        """The slot for a question: the session's own, a free one, or that of the longest silent."""
        slot = self._held.pop(session, None)
        if slot is None:
            slot = self._take_free()
        if slot is None:
            slot = self._held.pop(_first(self._held))
        self._held[session] = slot
        return slot

    def for_computing_ahead(self, session: str) -> int | None:
        """The session's own slot, or a free one; None rather than one that another session has."""
        if session not in self._held:
            slot = self._take_free()
            if slot is None:
                return None
            # Nothing was asked in it yet: it is the first to lose its slot.
            self._held = {session: slot, **self._held}
        return self._held[session]

    def release(self, session: str) -> None:
        """The session has ended."""
        slot = self._held.pop(session, None)
        if slot is not None:
            self._free.append(slot)

    def _take_free(self) -> int | None:
        if not self._free:
            return None
        slot = min(self._free)
        self._free.remove(slot)
        return slot


def _first(sessions: Iterable[str]) -> str:
    return next(iter(sessions))
