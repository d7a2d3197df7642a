"""Defines the actions that the audit trail records."""

from enum import StrEnum

COMMAND_LINE = "the command line"
DONE = "done"  # the outcome of an action that succeeded; otherwise the code of the error


class AuditAction(StrEnum):
    """The actions, by the words with which the audit trail shows them."""

    CODE = "pairing code made"
    PAIRED = "paired"
    CODE_REVOKED = "pairing code revoked"
    CODE_BURNED = "pairing code burned"
    LOCKED_OUT = "locked out"
    REVOKED = "revoked"
    ROLE = "role changed"
    RENAMED = "renamed"
    DELETED = "conversation deleted"
    EXPIRED = "deleted by its age"
    RECORDING_DELETED = "recording deleted"
    RESTORED = "conversation restored"
    EXPORTED = "conversation exported"
    READ = "conversation read"
    SEARCHED = "conversations searched"
    SETTINGS = "settings in force"
    SETTING = "setting changed"
    RESTARTED = "restarted"
    MODEL_PULLED = "model fetched"
    MODEL_REMOVED = "model removed"
