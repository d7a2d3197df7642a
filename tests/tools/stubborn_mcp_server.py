"""Speaks MCP over standard input and output, and stays when it is told to end.

It and its child ignore SIGTERM and the end of their input; `argv[1]` is the directory in which each
leaves its process id as a name.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

TOOL = {"name": "get_level", "inputSchema": {"type": "object", "properties": {}}}


def main(place: Path) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the child inherits it
    child = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    for pid in (os.getpid(), child.pid):
        (place / str(pid)).touch()
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            answer = {"jsonrpc": "2.0", "id": message["id"], **answered(message)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    signal.pause()


def answered(message: dict[str, Any]) -> dict[str, Any]:
    match message["method"]:
        case "initialize":
            return {
                "result": {
                    "protocolVersion": message["params"]["protocolVersion"],
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "stubborn", "version": "1"},
                }
            }
        case "tools/list":
            return {"result": {"tools": [TOOL]}}
    return {"error": {"code": -32601, "message": "there is no such method"}}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
