"""MCP servers as they are published: their tools are offered, checked, asked about and called."""

import sys
from pathlib import Path

import pytest

from tests.tools.test_mcp import Home, running_server

pytestmark = [pytest.mark.released, pytest.mark.slow]


async def test_the_server_of_the_time(time_server: Path) -> None:
    program = ("/usr/bin/env", f"PYTHONPATH={time_server}", sys.executable, "-m", "mcp_server_time")
    async with running_server(command=program, allow=("*",), confirm=()) as home:
        assert {"home_get_current_time", "home_convert_time"} <= set(home.registry.names)
        answer = await home.call("home_get_current_time", timezone="Europe/Berlin")
        assert "Europe/Berlin" in str(answer.data["result"])
        assert "{" not in answer.spoken
        wrong = await home.call("home_get_current_time", timezone="Europe/Nowhere")
        assert wrong.data["error"]["code"] == "tool_failed"


async def test_the_server_of_everything(node_servers: Path) -> None:
    program = (str(node_servers / "mcp-server-everything"), "stdio")
    async with running_server(command=program, allow=("echo", "get-sum"), confirm=()) as home:
        assert set(home.registry.names) == {"home_echo", "home_get-sum"}
        assert (await home.call("home_echo", message="Good morning")).spoken == "Echo: Good morning"
        answer = await home.call("home_get-sum", a=2, b=3)
        assert answer.spoken == "The sum of two and three is five."
        missing = await home.call("home_get-sum", a=2)
        assert missing.spoken == "Sorry, the argument b is missing."


async def test_the_server_of_files(node_servers: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("Milk and bread.")
    program = (str(node_servers / "mcp-server-filesystem"), str(tmp_path))
    async with running_server(
        command=program, allow=("read_text_file", "write_file"), confirm=("write_*",)
    ) as home:
        read = await home.call("home_read_text_file", path=str(tmp_path / "note.txt"))
        assert read.spoken == "Milk and bread."
        # Nothing is written before the yes.
        asked = await home.call("home_write_file", path=str(tmp_path / "other"), content="x")
        assert asked.question_id
        assert not (tmp_path / "other").exists()
        outside = await home.call("home_read_text_file", path="/etc/passwd")
        assert outside.data["error"]["code"] == "tool_failed"


async def test_the_server_of_memories(node_servers: Path, tmp_path: Path) -> None:
    program = (
        *("/usr/bin/env", f"MEMORY_FILE_PATH={tmp_path / 'memory.jsonl'}"),
        str(node_servers / "mcp-server-memory"),
    )
    async with running_server(command=program, allow=("create_entities", "search_nodes")) as home:
        await remember(home)
        found = await home.call("home_search_nodes", query="tea")
        assert found.question_id  # every tool asks, unless the owner says otherwise


async def remember(home: Home) -> None:
    entity = {"name": "Ann", "entityType": "person", "observations": ["likes tea"]}
    asked = await home.call("home_create_entities", entities=[entity])
    home.registry.question_heard(home.session.session_id, asked.question_id)
    answer = await home.say("yes")
    assert "Ann" in str(answer.data["result"])
