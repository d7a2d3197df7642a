"""Why a session ended, and what the page is told of it."""

from enum import StrEnum
from typing import Final

from appliance.voice.transport.websocket import CLOSE_GOING_AWAY, CLOSE_NORMAL


class End(StrEnum):
    """The value is recorded and, where the client is told, sent."""

    CLIENT_LEFT = "client_left"
    HUNG_UP = "hung_up"
    IDLE = "idle"
    TOO_LONG = "too_long"
    SHUTDOWN = "shutdown"
    REVOKED = "revoked"
    UNREACHABLE = "unreachable"
    FAILED = "failed"


# After 1000 the page stays away and shows the sentence; after any other code it comes back by
# itself and joins the same conversation.
GOODBYES: Final = {
    End.HUNG_UP: (CLOSE_NORMAL, "The conversation was ended."),
    End.IDLE: (CLOSE_NORMAL, "Nobody has spoken for a while."),
    End.TOO_LONG: (CLOSE_NORMAL, "This session has reached its longest time."),
    End.SHUTDOWN: (CLOSE_GOING_AWAY, "The appliance is restarting."),
    End.REVOKED: (4401, "This browser is no longer paired."),
    End.UNREACHABLE: (1011, "The service that this session needs cannot be reached."),
    End.FAILED: (1011, "The session failed."),
}
