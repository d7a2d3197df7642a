"""The database is lost while the appliance runs: talking goes on, and people are told."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path

import pytest

from appliance.client import calling
from tests.daemon import Daemon, running
from tests.stranger import until

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


@contextmanager
def limited(daemon: Daemon, kind: int, most: int) -> Iterator[None]:
    """Lets the daemon have no more of something for a while."""
    before = resource.prlimit(daemon.process.pid, kind)
    resource.prlimit(daemon.process.pid, kind, (most, before[1]))
    try:
        yield
    finally:
        if daemon.process.returncode is None:
            resource.prlimit(daemon.process.pid, kind, before)


def limit_for(daemon: Daemon, more: int) -> int:
    """The limit of descriptors with which so many more files can be opened."""
    used = {int(file.name) for file in Path(f"/proc/{daemon.process.pid}/fd").iterdir()}
    free = (number for number in count() if number not in used)
    return next(islice(free, more, None))


async def is_kept(daemon: Daemon, conversation_id: str, words: str) -> bool:
    status, kept = await daemon.get(f"/api/conversations/{conversation_id}")
    return status == 200 and words in str(kept["turns"])


async def test_talking_goes_on_while_no_file_can_be_opened(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, calling(daemon.base_url) as call:
        sent = await call.type("what day is it")
        await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
        with limited(daemon, resource.RLIMIT_NOFILE, limit_for(daemon, 0)):
            sent = await call.type("what time is it")
            await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
        await until(lambda: is_kept(daemon, call.conversation_id, "what time is it"))
        # Enough for a connection, not for a database to be read: the session begins all the same.
        options = {"conversation_id": call.conversation_id}
        with limited(daemon, resource.RLIMIT_NOFILE, limit_for(daemon, 1)):
            async with calling(daemon.base_url, options=options) as again:
                sent = await again.type("what day is it")
                await again.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
        assert "Too many open files" in "".join(daemon.log)
        assert (await daemon.get("/health"))[1]["status"] == "ok"


async def test_talking_goes_on_while_the_database_cannot_be_read(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        async with calling(daemon.base_url) as call:
            sent = await call.type("what day is it")
            await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
        for name in ("voice_conversations.db", "voice_conversations.db-wal"):
            file = tmp_path / name
            with file.open("r+b") as spoilt:
                spoilt.write(b"\xaa" * file.stat().st_size)
        assert (await daemon.get("/api/conversations"))[0] == 500
        options = {"conversation_id": call.conversation_id}
        async with calling(daemon.base_url, options=options) as again:
            sent = await again.type("what time is it")
            await again.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
            assert (await daemon.get("/health"))[0] == 200
    async with running(tmp_path) as daemon, calling(daemon.base_url) as call:
        assert list(tmp_path.glob("*.corrupt.*"))
        sent = await call.type("what day is it")
        await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)


async def test_what_is_said_on_a_full_disk_is_told_and_kept_later(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, calling(daemon.base_url) as call:
        sent = await call.type("what day is it")
        await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
        with limited(daemon, resource.RLIMIT_FSIZE, 0):
            sent = await call.type("what time is it")
            await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
            await call.wait_for(lambda a: "disk is full" in str(a.data.get("message")))
            _, health = await daemon.get("/health")
            assert (health["status"], health["history"]) == ("degraded", "full")
        await call.wait_for(lambda a: "being kept again" in str(a.data.get("message")))
        await until(lambda: is_kept(daemon, call.conversation_id, "what time is it"))
        assert (await daemon.get("/api/status"))[1]["store"]["failed"] == 0


async def test_stopping_on_a_full_disk_is_clean(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        async with calling(daemon.base_url) as call:
            sent = await call.type("what day is it")
            await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
        with limited(daemon, resource.RLIMIT_FSIZE, 0):
            assert await daemon.stop() == 0
    async with running(tmp_path) as daemon:
        assert await is_kept(daemon, call.conversation_id, "what day is it")
        assert not list(tmp_path.glob("*.corrupt.*"))
