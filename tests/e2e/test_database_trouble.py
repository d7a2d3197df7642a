"""The database is lost while the appliance runs: talking goes on, and people are told."""

from pathlib import Path

import pytest

from appliance.client import calling
from tests.daemon import running

pytestmark = pytest.mark.slow


async def test_talking_goes_on_while_the_database_is_gone(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        async with calling(daemon.base_url) as call:
            sent = await call.type("what day is it")
            await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
        for file in tmp_path.glob("voice_conversations.db*"):
            file.unlink()
        options = {"conversation_id": call.conversation_id}
        async with calling(daemon.base_url, options=options) as again:
            sent = await again.type("what day is it")
            await again.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
            # It is said on the page, in /health and by voice.
            await again.wait_for(lambda a: "was removed" in str(a.data.get("message")))
            await again.wait_for(lambda a: "is gone" in str(a.data.get("text")))
            _, health = await daemon.get("/health")
            assert (health["status"], health["history"]) == ("degraded", "missing")
