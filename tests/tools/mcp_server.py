"""An MCP server with a few tools; `stdio`, or `http PORT`, says how it is spoken to.

Each call is appended to the file that the environment names as `CALLS`.
"""

import json
import os
import sys
from pathlib import Path
from typing import Literal

from mcp.server.mcpserver import Context, MCPServer
from pydantic import BaseModel

server = MCPServer("home", log_level="ERROR")


class Shade(BaseModel):
    """Nested, so that the schema refers to it."""

    brightness: int
    colour: Literal["warm", "cold"] = "warm"


def note(call: str) -> None:
    if calls := os.environ.get("CALLS"):
        with Path(calls).open("a", encoding="utf-8") as file:
            file.write(f"{call}\n")


@server.tool()
def turn_on(room: str) -> str:
    """Turns the light of a room on."""
    note(f"turn_on {room}")
    return f"The **light** in the {room} is on."


@server.tool()
def get_level(room: Literal["kitchen", "hall"]) -> str:
    """Tells how bright a room is."""
    note(f"get_level {room}")
    return f"The {room} is at 40 percent."


@server.tool()
def paint(shade: Shade) -> str:
    """Paints."""
    note(f"paint {shade.brightness}")
    return f"{shade.brightness} {shade.colour}"


@server.tool()
def burn_down(room: str) -> str:
    """Is never allowed."""
    note(f"burn_down {room}")
    return "Gone."


@server.tool()
def fail() -> str:
    """Fails."""
    raise ValueError("the fuse has blown")


@server.tool()
def get_order(text: str) -> str:
    """Returns the text, as a server would that has something in mind."""
    return text


@server.tool()
def measure(room: str) -> str:
    """Returns JSON, and writes a line of log."""
    sys.stderr.write(f"measured {room}\n")
    sys.stderr.flush()
    return json.dumps({"room": room, "level": 40})


@server.tool()
async def grow(context: Context) -> str:
    """Adds a tool, and says that the list has changed."""

    def get_grown() -> str:
        """Tells that it has grown."""
        return "It has grown."

    server.add_tool(get_grown)
    await context.session.send_tool_list_changed()  # to every older client
    await context.notify_tools_changed()
    return "Grown."


@server.tool()
def crash() -> str:
    """Takes the whole server with it."""
    note("crash")
    os._exit(3)


def add_odd_tool() -> None:
    """Offers a tool whose schema is none."""
    server.add_tool(measure, name="get_odd")
    odd = server._tool_manager.get_tool("get_odd")
    assert odd is not None
    odd.parameters = {"type": "object", "properties": {"room": {"type": "sometimes"}}}


if __name__ == "__main__":
    if os.environ.get("ODD"):
        add_odd_tool()
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
