"""Defines the errors of the appliance as one tree. Every leaf has a stable code for clients.

ApplianceError
  ConfigError            config_invalid       the configuration cannot be used (exit 78)
  EngineError
    ModelMissing         model_missing        a model file is not where it should be
    ModelBroken          model_broken         a model file is truncated, foreign or damaged
    EngineFailed         engine_failed        an engine raised or ran out of time
      EngineStalled      engine_stalled       it neither computed nor waited for a processor
      EngineBusy         engine_busy          an engine works, but could not begin in time
        EngineOverloaded engine_overloaded    it computes, but far too slowly for a conversation
  SessionError
    SessionUnknown       session_unknown      404: no such session, or it is over
    SessionTaken         session_taken        409: the session already has its client
    SessionLimit         session_limit        503: as many sessions as the plan allows
    RouteRefused         route_refused        400: not set up, or not allowed by the owner
  AccessError
    NotPaired            not_paired           401: no valid token
    Forbidden            forbidden            403: too low a role, or a foreign origin
    WrongHost            wrong_host           421: a host name that is not the appliance's
    PairingRefused       pairing_refused      403: wrong, used or expired code
    TooManyRequests      too_many_requests    429: with the seconds to wait
  RequestError
    BadRequest           bad_request          400: not JSON, unknown or wrong keys
    LanguageUnknown      language_unknown     400: with the languages that there are
    VoiceUnknown         voice_unknown        400: with the voices that there are
    NotFound             not_found            404
    SettingsRefused      settings_refused     faults in changed settings, all of them listed
    SettingsChanged      settings_changed     409: somebody else has changed them meanwhile
    RestartImpossible    restart_impossible   409: nothing would start the appliance again
    ModelInUse           model_in_use         409: a model that is in use is not removed
  SelftestRunning        selftest_running     409: one self-test at a time
  StoreError             store_failed         the database or a file cannot be read or written
    DiskFull             disk_full            507: there is no room for what is to be kept
  DownloadFailed         download_failed      a model cannot be fetched or put on the disk
    SourceUnreachable    source_unreachable   a hub, mirror or package index does not answer
    SourceMissing        source_missing       it has no such file or package
    SourceChanged        source_changed       it has other content than the manifest pins
    ModelUnavailable     model_unavailable    none of the sources of a model has all of it
  ToolError              tool_failed          a tool could not do what was asked
  AgentError             agent_failed         an agent is missing, unreachable or gave up
  NotReady               not_ready            503: engines are still loading
"""

import errno
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class ApplianceError(Exception):
    """An error that a person can act on.

    `message` says what happened in one sentence; `advice` says what to do about it and may be
    empty only where nothing can be done. `status` is the HTTP status an API answer carries.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    default_advice: ClassVar[str] = "Look for the cause in the log of the appliance."

    def __init__(self, message: str, *, advice: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.advice = self.default_advice if advice is None else advice

    def as_json(self) -> dict[str, dict[str, Any]]:
        """Returns the error as clients get it: {error: {code, message, advice}}."""
        return {"error": {"code": self.code, "message": self.message, "advice": self.advice}}


class ConfigError(ApplianceError):
    code = "config_invalid"
    default_advice = "Run `appliance config check`, which lists every fault at once."


class EngineError(ApplianceError):
    code = "engine_error"
    status = 503


class ModelMissing(EngineError):
    code = "model_missing"
    default_advice = "Fetch it with `appliance models pull`, or correct the path."


class ModelBroken(EngineError):
    code = "model_broken"
    default_advice = "Fetch it again with `appliance models pull`; the file is damaged or foreign."


class EngineFailed(EngineError):
    code = "engine_failed"


class EngineBusy(EngineFailed):
    code = "engine_busy"
    default_advice = "Try again when fewer people talk at once, or lower limits.sessions."


class EngineStalled(EngineFailed):
    code = "engine_stalled"


class EngineOverloaded(EngineBusy):
    code = "engine_overloaded"
    default_advice = "Find out what else keeps the processors busy, or choose a smaller model."


class SessionError(ApplianceError):
    code = "session_error"


class RouteRefused(SessionError):
    code = "route_refused"
    status = 400
    default_advice = (
        'Leave "route" out, or set fallback.policy and give the appliance an OPENAI_API_KEY.'
    )


class SessionUnknown(SessionError):
    code = "session_unknown"
    status = 404
    default_advice = "Create a session with POST /api/sessions and use its address once."

    def __init__(
        self,
        message: str = "there is no such session, or it is over",
        *,
        advice: str | None = None,
    ) -> None:
        super().__init__(message, advice=advice)


class SessionTaken(SessionError):
    code = "session_taken"
    status = 409
    default_advice = "A session has one client. Create another session with POST /api/sessions."


class SessionLimit(SessionError):
    code = "session_limit"
    status = 503
    default_advice = "Wait until somebody hangs up, or raise limits.sessions."


class AccessError(ApplianceError):
    code = "access_error"
    status = 403


class NotPaired(AccessError):
    code = "not_paired"
    status = 401
    default_advice = "Pair this browser: run `appliance pair` on the appliance and enter the code."


class Forbidden(AccessError):
    code = "forbidden"
    default_advice = "Open the page at the address of the appliance itself."


class WrongHost(AccessError):
    code = "wrong_host"
    status = 421
    default_advice = "Open the page at the address of the appliance itself."


class PairingRefused(AccessError):
    code = "pairing_refused"
    default_advice = "Compare the digits. A code works once; an administrator can make a new one."


class TooManyRequests(AccessError):
    code = "too_many_requests"
    status = 429
    default_advice = "Wait a little and try again."

    def __init__(self, message: str, *, retry_after: float, advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.retry_after = retry_after


class RequestError(ApplianceError):
    code = "request_error"
    status = 400


class BadRequest(RequestError):
    code = "bad_request"
    default_advice = "See docs/protocol.md for the accepted fields."


class LanguageUnknown(RequestError):
    code = "language_unknown"
    default_advice = "Leave the language out, or take one of the list in docs/languages.md."


class VoiceUnknown(RequestError):
    code = "voice_unknown"
    default_advice = "Leave the voice out; the language then chooses it."


class NotFound(RequestError):
    code = "not_found"
    status = 404
    default_advice = "Check the address."


class SettingsRefused(RequestError):
    """`faults` are objects with key, value, expected and suggestion."""

    code = "settings_refused"
    default_advice = "Correct them; nothing was changed."

    def __init__(
        self,
        message: str,
        faults: Sequence[Mapping[str, Any]] = (),
        *,
        advice: str | None = None,
    ) -> None:
        super().__init__(message, advice=advice)
        self.faults = faults

    def as_json(self) -> dict[str, dict[str, Any]]:
        described = super().as_json()
        if self.faults:
            described["error"]["faults"] = list(self.faults)
        return described


class SettingsChanged(RequestError):
    code = "settings_changed"
    status = 409
    default_advice = "Look at the settings as they are now, and change them again."


class RestartImpossible(RequestError):
    code = "restart_impossible"
    status = 409


class ModelInUse(RequestError):
    code = "model_in_use"
    status = 409
    default_advice = "Choose another model first; the appliance takes it over between turns."


class SelftestRunning(ApplianceError):
    code = "selftest_running"
    status = 409
    default_advice = "Wait until it ends, in a few minutes at most; then its result is shown."


class StoreError(ApplianceError):
    code = "store_failed"
    default_advice = "Check the free space of the disk, and the rights of the database's directory."


class DiskFull(StoreError):
    code = "disk_full"
    status = 507
    default_advice = (
        "Make room on the disk: delete recordings or conversations, or remove models that are not"
        " needed (`appliance models rm NAME`)."
    )


_FULL = (errno.ENOSPC, errno.EDQUOT)
_SQLITE_FULL = 13


def write_error(what: str, error: Exception, *, advice: str | None = None) -> StoreError:
    """Returns the error for `what` could not be written: DiskFull wherever that is the reason.

    `error` is an OSError or a database's; `advice` is for other reasons than a full disk.
    """
    is_full = getattr(error, "errno", None) in _FULL
    if is_full or getattr(error, "sqlite_errorcode", None) == _SQLITE_FULL:
        return DiskFull(f"the disk is full: {what} cannot be written")
    reason = getattr(error, "strerror", None) or error
    return StoreError(f"{what} cannot be written: {reason}", advice=advice)


class DownloadFailed(ApplianceError):
    code = "download_failed"
    status = 502


class SourceUnreachable(DownloadFailed):
    code = "source_unreachable"
    default_advice = "Is the network there? What has arrived is kept; the same command continues."


class SourceMissing(DownloadFailed):
    code = "source_missing"
    default_advice = "It may have been withdrawn. Another source of models.sources may have it."


class SourceChanged(DownloadFailed):
    code = "source_changed"
    default_advice = "Nothing of it was kept. Another source of models.sources may have it."


class ModelUnavailable(DownloadFailed):
    code = "model_unavailable"
    default_advice = "Is the network there? `appliance models list` shows the sources of each."


class ToolError(ApplianceError):
    code = "tool_failed"
    status = 502


class AgentError(ApplianceError):
    code = "agent_failed"
    status = 503
    default_advice = "Look at the [agents] section of the configuration and at the agent itself."


class NotReady(ApplianceError):
    code = "not_ready"
    status = 503
    default_advice = "The models are still loading; GET /ready answers 200 when they are loaded."
