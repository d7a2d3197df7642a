"""Makes events as a session writes them."""

from appliance.conversation import Event, EventKind


def event(
    kind: EventKind, at: float = 1.0, turn: int = 0, conversation: str = "c1", **data: object
) -> Event:
    return Event(kind, conversation, f"session of {conversation}", at, turn, data)


def said(text: str, at: float = 1.0, turn: int = 1, conversation: str = "c1") -> Event:
    return event(EventKind.USER_TRANSCRIPT, at, turn, conversation, text=text)


def answered(text: str, at: float = 2.0, turn: int = 1, conversation: str = "c1") -> Event:
    return event(EventKind.ANSWER, at, turn, conversation, text=text)
