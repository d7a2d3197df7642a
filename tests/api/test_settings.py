"""Settings, voices, models and tools over HTTP, and what of them the next session has."""

import asyncio
import contextlib
import io
import json
import sqlite3
import wave
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from appliance.client import calling
from tests.api.test_clients import paired
from tests.chat_server import Body, chat_server
from tests.daemon import Daemon
from tests.stranger import Answered, ask, until

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def change(daemon: Daemon, **body: Any) -> Answered:  # noqa: ANN401  JSON
    """Changes settings on top of what they are now."""
    revision = (await ask(daemon, "GET", "/api/settings")).json["revision"]
    return await ask(daemon, "PATCH", "/api/settings", body={"revision": revision, **body})


@pytest_asyncio.fixture(loop_scope="package")
async def clean(daemon: Daemon) -> AsyncIterator[Daemon]:
    """The appliance, whose settings are those of its start again at the end."""
    yield daemon
    view = (await ask(daemon, "GET", "/api/settings")).json
    mine = {one["key"]: None for one in view["settings"] if one["source"] == "page"}
    assert (await change(daemon, settings=mine, keys={"OPENAI_API_KEY": ""})).status == 200


async def said(daemon: Daemon, question: str) -> str:
    """What a new session answers to a typed question, once it has a word."""
    async with calling(daemon.base_url) as call:
        sent = await call.type(question)
        first = await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent, seconds=60)
        return str(first.data["text"])


async def test_another_language_holds_for_the_next_session(clean: Daemon) -> None:
    changed = await change(clean, settings={"stt.language": "de"})
    assert changed.status == 200, changed.text
    assert "settings.toml" in changed.json["file"]
    assert 'language = "de"' in (clean.state / "settings.toml").read_text()
    assert "Uhr" in await said(clean, "wie spät ist es")


async def test_another_language_model_answers_with_its_key_and_prompt(clean: Daemon) -> None:
    async with chat_server(lambda _messages: "Lighthouses.") as server:
        settings = {
            "llm.provider": "custom",
            "llm.base_url": server.base_url,
            "llm.system_prompt": "Be a pirate.",
        }
        changed = await change(clean, settings=settings, keys={"OPENAI_API_KEY": "sk-mine"})
        assert changed.status == 200, changed.text
        assert "sk-mine" not in changed.text
        assert "Lighthouses" in await said(clean, "what are the tall things at the shore")
        asked = next(r for r in server.requests if "shore" in str(r["messages"]))
        assert "Be a pirate." in str(asked["messages"][0])
        assert server.keys[-1] == "Bearer sk-mine"

    async def told() -> bool:
        trail = (await ask(clean, "GET", "/api/audit")).json["audit"]
        assert "sk-mine" not in str(trail)
        details = [entry["detail"] for entry in trail if entry["what"] == "setting changed"]
        return {'llm.provider: "auto" → "custom"', "OPENAI_API_KEY: set"} <= set(details)

    await until(told)


async def test_a_rule_of_retention_holds_at_once_and_tells_what_it_will_delete(
    clean: Daemon,
) -> None:
    with contextlib.closing(sqlite3.connect(clean.database, timeout=10)) as db, db:
        db.execute("INSERT INTO conversations (id, created_at, updated_at) VALUES ('old', 1, 1)")

    async def told() -> list[int]:
        alerts = (await ask(clean, "GET", "/api/status")).json["alerts"]
        return [one["values"]["conversations"] for one in alerts if one["code"] == "retention"]

    assert await told() == []
    assert (await change(clean, settings={"retention.conversation_days": 3650})).status == 200
    await until(told)
    assert await told() == [1]
    listed = await asyncio.to_thread(clean.command_line, "conversations", "expired")
    assert "old" in listed.stdout, listed.stderr
    assert (await change(clean, settings={"retention.enabled": False})).status == 200

    async def told_no_more() -> bool:
        return await told() == []

    await until(told_no_more)
    assert (await ask(clean, "DELETE", "/api/conversations/old")).status == 204


async def test_a_key_that_was_entered_on_the_page_is_in_no_log(clean: Daemon) -> None:
    entered, tried = "entered-on-the-page", "tried-on-the-page"
    refusal = {"error": {"message": f"Neither {entered} nor {tried} is a key."}}
    body = Body((json.dumps(refusal).encode(),), status=401)
    async with chat_server(lambda _messages: body) as server:
        settings = {"llm.provider": "custom", "llm.base_url": server.base_url}
        test = {**{name.removeprefix("llm."): settings[name] for name in settings}, "key": tried}
        assert (await ask(clean, "POST", "/api/settings/llm/test", body=test)).status == 200
        changed = await change(clean, settings=settings, keys={"OPENAI_API_KEY": entered})
        assert changed.status == 200, changed.text
        async with calling(clean.base_url) as call:
            await call.type("what are the tall things at the shore")

            async def logged() -> list[str]:
                entries = (await ask(clean, "GET", "/api/logs")).json["entries"]
                texts = [entry["message"] for entry in entries]
                return [text for text in texts if "is a key." in text]

            await until(logged)
        [first, *_] = await logged()
        assert "Neither *** nor *** is a key." in first


async def test_a_tool_that_is_switched_off_is_gone(clean: Daemon) -> None:
    assert (await change(clean, settings={"tools.disabled": ["set_timer"]})).status == 200
    tools = (await ask(clean, "GET", "/api/tools")).json["tools"]
    assert [tool["name"] for tool in tools if not tool["on"]] == ["set_timer"]
    answer = await said(clean, "what can you do")
    assert "time" in answer
    assert "timers" not in answer
    assert (await change(clean, settings={"tools.disabled": None})).status == 200
    assert "timers" in await said(clean, "what can you do")


async def test_faults_come_together_and_nothing_changes(clean: Daemon) -> None:
    wrong = {"tts.voice": "en-uss", "tts.speed": 9, "stt.model": "bse", "server.port": 1}
    refused = await change(clean, settings=wrong)
    assert refused.status == 400
    error = refused.json["error"]
    assert error["code"] == "settings_refused"
    faults = {fault["key"]: fault for fault in error["faults"]}
    assert set(faults) == set(wrong)
    assert faults["tts.voice"]["suggestion"] == "en-us"
    view = (await ask(clean, "GET", "/api/settings")).json
    assert not [one for one in view["settings"] if one["source"] == "page"]


async def test_two_people_do_not_overwrite_each_other(clean: Daemon) -> None:
    seen = (await ask(clean, "GET", "/api/settings")).json["revision"]
    assert (await change(clean, settings={"tts.speed": 1.5})).status == 200
    late = {"revision": seen, "settings": {"tts.speed": 0.5}}
    answer = await ask(clean, "PATCH", "/api/settings", body=late)
    assert (answer.status, answer.json["error"]["code"]) == (409, "settings_changed")


async def test_a_restart_is_refused_where_nothing_starts_the_appliance_again(
    daemon: Daemon,
) -> None:
    answer = await ask(daemon, "POST", "/api/restart")
    assert (answer.status, answer.code) == (409, "restart_impossible")


async def test_a_voice_can_be_heard_before_it_is_chosen(paired_daemon: Daemon) -> None:
    """By users; six at once, then fewer."""
    _, bearer = await paired(paired_daemon, "user")
    listed = await ask(paired_daemon, "GET", "/api/voices", headers=bearer)
    english = next(one for one in listed.json["languages"] if one["code"] == "en")
    body = {"voice": english["voices"][0]["id"], "speed": 1.5}
    statuses, heard, waits = [], b"", None
    async with aiohttp.ClientSession(headers=bearer) as http:
        for _ in range(7):
            address = f"{paired_daemon.base_url}/api/voices/preview"
            async with http.post(address, json=body) as answer:
                statuses.append(answer.status)
                heard = heard or await answer.read()
                waits = answer.headers.get("Retry-After")
    assert statuses == [200] * 6 + [429]
    assert waits
    with wave.open(io.BytesIO(heard)) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (24_000, 1)
        assert 0.5 < sound.getnframes() / 24_000 < 10


async def test_a_preview_outside_the_bounds_is_refused(daemon: Daemon) -> None:
    answer = await ask(daemon, "POST", "/api/voices/preview", body={"speed": 4})
    assert (answer.status, answer.code) == (400, "bad_request")


async def test_models_are_listed_with_what_fits_and_why_not(daemon: Daemon) -> None:
    view = (await ask(daemon, "GET", "/api/models")).json
    models = {model["name"]: model for model in view["models"]}
    assert {model["obstacle"] for model in view["models"]} <= {"", "language", "speed", "memory"}
    assert not models["large-v3"]["fits"]
    assert models["large-v3"]["obstacle"]
    assert set(view["recommended"]) <= set(models)
    assert {"licence", "source", "bytes", "memory", "use", "state"} <= set(models["base"])
    assert set(view["better"]) == {"stt", "tts", "llm"}


async def test_jobs_on_models_run_and_are_shown(daemon: Daemon) -> None:
    for method, path in (("POST", "/api/models/bse"), ("DELETE", "/api/models/bse")):
        unknown = await ask(daemon, method, path)
        assert (unknown.status, unknown.code) == (404, "not_found")
        assert "base" in unknown.json["error"]["advice"]
    started = await ask(daemon, "POST", "/api/models")
    assert started.status == 202
    number = started.json["id"]

    async def ended() -> dict[str, Any] | None:
        jobs = (await ask(daemon, "GET", "/api/models")).json["jobs"]
        return next((job for job in jobs if job["id"] == number and job["ended"]), None)

    await until(ended, 60)
    job = await ended()
    assert job is not None
    assert (job["state"], job["faults"]) == ("done", [])
    late = await ask(daemon, "DELETE", f"/api/models/jobs/{number}")
    assert (late.status, late.code) == (404, "not_found")


async def test_a_model_that_the_settings_name_is_not_removed(clean: Daemon) -> None:
    model = clean.state / "models" / "tiny"
    model.mkdir(parents=True, exist_ok=True)
    try:
        assert (await change(clean, settings={"stt.model": "tiny"})).status == 200
        answer = await ask(clean, "DELETE", "/api/models/tiny")
        assert (answer.status, answer.code) == (409, "model_in_use")
    finally:
        assert (await change(clean, settings={"stt.model": None})).status == 200
        model.rmdir()
