"""Reasons for which a session ends, and the close frame that each of them sends."""

from enum import StrEnum
from typing import Final

CLOSE_NORMAL = 1000
CLOSE_GOING_AWAY = 1001
CLOSE_INTERNAL_ERROR = 1011
CLOSE_TRY_AGAIN_LATER = 1013
CLOSE_REVOKED = 4401


class CloseReason(StrEnum):
    """The value is recorded with the session's end."""

    CLIENT_LEFT = "client_left"
    HUNG_UP = "hung_up"
    IDLE = "idle"
    TOO_LONG = "too_long"
    GAVE_WAY = "gave_way"
    NO_PLACE = "no_place"
    SHUTDOWN = "shutdown"
    REVOKED = "revoked"
    UNREACHABLE = "unreachable"
    FAILED = "failed"


# After 1000 the page does not reconnect and shows the sentence; after any other code it
# reconnects by itself and resumes the conversation.
CLOSE_FRAMES: Final = {
    CloseReason.HUNG_UP: (CLOSE_NORMAL, "The conversation was ended."),
    CloseReason.IDLE: (CLOSE_NORMAL, "Nobody has spoken for a while."),
    CloseReason.TOO_LONG: (CLOSE_NORMAL, "This session has reached its longest time."),
    CloseReason.GAVE_WAY: (
        CLOSE_NORMAL,
        "Nobody was speaking here, and somebody else needed the place.",
    ),
    CloseReason.NO_PLACE: (CLOSE_TRY_AGAIN_LATER, "All places are taken at the moment."),
    CloseReason.SHUTDOWN: (CLOSE_GOING_AWAY, "The appliance is restarting."),
    CloseReason.REVOKED: (CLOSE_REVOKED, "This browser is no longer paired."),
    CloseReason.UNREACHABLE: (
        CLOSE_INTERNAL_ERROR,
        "The service that this session needs cannot be reached.",
    ),
    CloseReason.FAILED: (CLOSE_INTERNAL_ERROR, "The session failed."),
}
