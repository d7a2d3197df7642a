"""What the audit trail tells of: one word for each thing that somebody did or tried."""

from enum import StrEnum

COMMAND_LINE = "the command line"
DONE = "done"  # the outcome of what succeeded; otherwise it is the code of the error


class AuditAction(StrEnum):
    CODE = "pairing code made"
    PAIRED = "paired"
    CODE_BURNED = "pairing code burned"
    LOCKED_OUT = "locked out"
    REVOKED = "revoked"
    ROLE = "role changed"
    DELETED = "conversation deleted"
    EXPORTED = "conversation exported"
    SETTINGS = "settings in force"
