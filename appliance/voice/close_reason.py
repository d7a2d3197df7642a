"""Why a session ended, and what the page is told of it."""

from enum import StrEnum
from typing import Final

from appliance.voice.transport.websocket import CLOSE_GOING_AWAY, CLOSE_NORMAL


class CloseReason(StrEnum):
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
CLOSE_FRAMES: Final = {
    CloseReason.HUNG_UP: (CLOSE_NORMAL, "The conversation was ended."),
    CloseReason.IDLE: (CLOSE_NORMAL, "Nobody has spoken for a while."),
    CloseReason.TOO_LONG: (CLOSE_NORMAL, "This session has reached its longest time."),
    CloseReason.SHUTDOWN: (CLOSE_GOING_AWAY, "The appliance is restarting."),
    CloseReason.REVOKED: (4401, "This browser is no longer paired."),
    CloseReason.UNREACHABLE: (1011, "The service that this session needs cannot be reached."),
    CloseReason.FAILED: (1011, "The session failed."),
}
