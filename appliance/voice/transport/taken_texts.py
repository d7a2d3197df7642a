"""Recognises a typed text that comes a second time, after a connection that broke. In memory."""

from collections import OrderedDict

# More than anybody types while a connection is away, times the conversations of a household.
KEPT = 512


class TakenTexts:
    """The ids of the typed texts that became turns lately.

    A page repeats what it does not know to have arrived. The id of the message is the page's, so
    it counts within its conversation only.
    """

    def __init__(self) -> None:
        self._ids: OrderedDict[tuple[str, str], None] = OrderedDict()

    def of(self, conversation_id: str) -> "ConversationTexts":
        """Those of one conversation."""
        return ConversationTexts(self, conversation_id)

    def knows(self, conversation_id: str, text_id: str) -> bool:
        return (conversation_id, text_id) in self._ids

    def add(self, conversation_id: str, text_id: str) -> None:
        self._ids[conversation_id, text_id] = None
        while len(self._ids) > KEPT:
            self._ids.popitem(last=False)


class ConversationTexts:
    """The ids of one conversation."""

    def __init__(self, texts: TakenTexts, conversation_id: str) -> None:
        self._texts = texts
        self._conversation_id = conversation_id

    def knows(self, text_id: str) -> bool:
        """Whether the text has become a turn before."""
        return self._texts.knows(self._conversation_id, text_id)

    def add(self, text_id: str) -> None:
        """The text became a turn."""
        self._texts.add(self._conversation_id, text_id)
