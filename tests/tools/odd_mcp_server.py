"""Speaks MCP over standard input and output, and lists tools that are none beside one that is."""

import json
import sys
from typing import Any

OBJECT: dict[str, Any] = {"type": "object", "properties": {}}
ROOM = {"type": "object", "properties": {"room": {"type": "string"}}}
TOOLS: list[Any] = [
    {"name": "without_schema"},
    {"name": "get_level", "description": "Tells the level.", "inputSchema": ROOM},
    {"name": "schema_is_text", "inputSchema": "object"},
    {"name": "of_an_array", "inputSchema": {"type": "array"}},
    {"name": 7, "inputSchema": OBJECT},
    "no tool",
    {"name": "odd_description", "description": ["a", "b"], "inputSchema": OBJECT},
]


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        match message["method"]:
            case "initialize":
                info = {"name": "odd", "version": "1"}
                asked = message["params"]["protocolVersion"]
                answer["result"] = {
                    "protocolVersion": asked,
                    "capabilities": {"tools": {}},
                    "serverInfo": info,
                }
            case "tools/list":
                answer["result"] = {"tools": TOOLS}
            case "tools/call":
                answer["result"] = {"content": [{"type": "text", "text": "Half."}]}
            case _:
                answer["error"] = {"code": -32601, "message": "there is no such method"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
