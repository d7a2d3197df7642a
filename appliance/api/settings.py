"""Serves the settings: read, changed, tried, and a restart for those that wait for one."""

import time
from typing import Annotated, Final

from aiohttp import web
from pydantic import AfterValidator, Field

from appliance.access.audit import AuditAction
from appliance.access.rate_limit import RateLimiter
from appliance.api.audit import note
from appliance.api.auth import sender
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.schemas import JsonBody, read_body
from appliance.errors import TooManyRequests

PREVIEWS_PER_SECOND, PREVIEWS_AT_ONCE = 0.2, 6
LONGEST_TEXT: Final = 20_000
PREVIEWS = web.AppKey("previews", RateLimiter)

Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Value = bool | int | float | Text | list[Text] | None


def _header_safe(key: str) -> str:
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError("should be printable characters without spaces")
    return key


KeyName = Annotated[str, Field(pattern="^(OPENAI|GROQ)_API_KEY$")]
Key = Annotated[str, Field(max_length=500), AfterValidator(_header_safe)]


class SettingsChange(JsonBody):
    """PATCH /api/settings; null takes a setting of the page away, an empty key a key."""

    revision: Annotated[str, Field(max_length=64)]
    settings: Annotated[dict[str, Value], Field(default_factory=dict, max_length=100)]
    keys: dict[KeyName, Key] = Field(default_factory=dict)


class ConnectionTest(JsonBody):
    """POST /api/settings/llm/test; what is left out is as it is saved."""

    provider: Annotated[str, Field(max_length=32)] | None = None
    base_url: Annotated[str, Field(max_length=500)] | None = None
    model: Annotated[str, Field(max_length=500)] | None = None
    key: Key = ""


class Preview(JsonBody):
    """POST /api/voices/preview; `language` counts where the voice has none."""

    voice: Annotated[str, Field(max_length=64)] = ""
    language: Annotated[str, Field(max_length=32)] = ""
    speed: Annotated[float, Field(ge=0.5, le=2)] = 1.0


def preview_rate() -> RateLimiter:
    """Limits the previews of a client: six at once, then one in five seconds."""
    return RateLimiter(PREVIEWS_PER_SECOND, PREVIEWS_AT_ONCE)


async def read(request: web.Request) -> web.Response:
    """GET /api/settings: what may be changed, with value, bounds, origin; which keys are set."""
    view = await request.app[DEPENDENCIES].admin.settings.view()
    return web.json_response(view, headers={"ETag": f'"{view["revision"]}"'})


async def change(request: web.Request) -> web.Response:
    """PATCH /api/settings {revision, settings?, keys?} → the settings as they are then."""
    body = await read_body(request, SettingsChange)
    settings = request.app[DEPENDENCIES].admin.settings
    for line in await settings.change(body.revision, body.settings, body.keys):
        note(request, AuditAction.SETTING, detail=line)
    return await read(request)


async def restart(request: web.Request) -> web.Response:
    """POST /api/restart → 202: sentences are finished, then the appliance starts anew."""
    await read_body(request, JsonBody)
    request.app[DEPENDENCIES].admin.restart()
    note(request, AuditAction.RESTARTED)
    return web.json_response({"restarting": True}, status=202)


async def check_llm(request: web.Request) -> web.Response:
    """POST /api/settings/llm/test {provider?, base_url?, model?, key?}: asks for one token."""
    body = await read_body(request, ConnectionTest)
    changes = body.model_dump(exclude={"key"}, exclude_none=True)
    return web.json_response(await request.app[DEPENDENCIES].admin.check_llm(changes, body.key))


async def list_voices(request: web.Request) -> web.Response:
    """GET /api/voices: the voices that can be chosen, by language, and how well each speaks."""
    return web.json_response(await request.app[DEPENDENCIES].admin.voices.listed())


async def preview(request: web.Request) -> web.Response:
    """POST /api/voices/preview {voice?, language?, speed?} → a sentence as WAV."""
    body = await read_body(request, Preview)
    limiter = request.app[PREVIEWS]
    if wait := limiter.take(sender(request).client_id, time.monotonic()):
        raise TooManyRequests("these are many voices in a short time", retry_after=wait)
    voices = request.app[DEPENDENCIES].admin.voices
    return web.Response(
        body=await voices.preview(body.voice, body.language, body.speed),
        content_type="audio/wav",
        headers={"Cache-Control": "no-store"},
    )
