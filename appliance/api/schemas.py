"""Declares and reads the JSON bodies and the query numbers of requests."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.access.tokens import Role
from appliance.conversation import in_one_line
from appliance.errors import BadRequest

LARGEST_ID = 10**15  # of an entry: more than there will ever be


class JsonBody(BaseModel):
    """A JSON object; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NewSession(JsonBody):
    """POST /api/sessions; every key is optional."""

    conversation_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    route: Literal["local", "realtime"] | None = None
    voice: Annotated[str, Field(max_length=64)] = ""
    language: Annotated[str, Field(max_length=32)] = ""
    system_prompt: Annotated[str, Field(max_length=8_000)] = ""
    keep: bool | None = None


class StartRequest(NewSession):
    """POST /api/start: what Pipecat's clients send to start a bot; the options are in `body`.

    Options beside `body` count where there is none. Keys of other transports (`createDailyRoom`,
    `enableDefaultIceServers` …) are ignored.
    """

    model_config = ConfigDict(extra="ignore")

    transport: Literal["websocket"] = "websocket"
    body: NewSession | None = None


def _visible(name: str) -> str:
    if not (cleaned := in_one_line(name)):
        raise ValueError("should have a visible character")
    return cleaned


ClientName = Annotated[str, Field(max_length=100), AfterValidator(_visible)]


class Pair(JsonBody):
    """POST /api/pair; administrators see the name, on the page and in terminals."""

    code: Annotated[str, Field(min_length=1, max_length=32)]
    name: Annotated[str, Field(max_length=100), AfterValidator(in_one_line)] = ""


class ClientChange(JsonBody):
    """PATCH /api/clients/{id}; at least one of the keys."""

    role: Annotated[Role, Field(strict=False)] | None = None
    name: ClientName | None = None

    @model_validator(mode="after")
    def _something(self) -> "ClientChange":
        if self.role is None and self.name is None:
            raise ValueError("give a role, a name, or both")
        return self


class ConversationChange(JsonBody):
    """PATCH /api/conversations/{id}."""

    title: Annotated[str, Field(max_length=200), AfterValidator(_visible)]


class SessionChange(JsonBody):
    """PATCH /api/sessions/{id}."""

    keep: bool


class TaskContinuation(JsonBody):
    """POST /api/tasks/{id}/continue; without a text the agent goes on where it stopped."""

    text: Annotated[str, Field(max_length=8_000)] = ""


class PreferencesChange(JsonBody):
    """PATCH /api/preferences."""

    keep_conversations: bool


class NewTimer(JsonBody):
    """POST /api/timers; it rings after `seconds`, in a week at the latest."""

    seconds: Annotated[float, Field(ge=1, le=7 * 24 * 3600, strict=False)]
    name: Annotated[str, Field(max_length=60), AfterValidator(in_one_line)] = ""


class TimerChange(JsonBody):
    """PATCH /api/timers/{id}; what is absent stays as it is."""

    name: Annotated[str, Field(max_length=60), AfterValidator(in_one_line)] | None = None
    paused: bool | None = None


Body = TypeVar("Body", bound=JsonBody)


async def read_body(request: web.Request, schema: type[Body]) -> Body:
    """Returns the body of a request by its schema; an absent body is an empty object.

    Raises BadRequest, which lists every key that is wrong.
    """
    try:
        text = await request.read()
    except web.RequestPayloadError:
        raise BadRequest("the body of the request is not encoded as its header says") from None
    except ConnectionError:
        # A page that is reloaded at this moment must not count as a failure of the appliance.
        raise BadRequest("the request broke off") from None
    try:
        return schema.model_validate_json(text or b"{}")
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'body'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise BadRequest(f"the body of the request is wrong: {faults}") from None


def number(request: web.Request, name: str, default: int, largest: int, *, least: int = 1) -> int:
    """Returns a number from `least` to `largest` of the query. Raises BadRequest otherwise."""
    text = request.query.get(name)
    if text is None:
        return default
    if re.fullmatch("[0-9]{1,16}", text) and least <= int(text) <= largest:
        return int(text)
    raise BadRequest(f"{name} must be a number from {least} to {largest}, not {text[:20]!r}")


def one_of(request: web.Request, name: str, values: Sequence[str]) -> str | None:
    """Returns a value of the query that must be one of `values`; None where it is left out."""
    value = request.query.get(name) or None
    if value is not None and value not in values:
        raise BadRequest(
            f"{name} has no value {value[:40]!r}", advice=f"Take one of: {', '.join(values)}."
        )
    return value
