"""A program in place of llama.cpp's server: /health and chat completions, as a script says.

    python model_server.py PORT STATE

STATE is a directory. A file `loading` in it answers 503, `refuse` ends the program at once with
status 78, `crash` with status 3, and `eat` has it take memory until there is none. Each start adds
a line with its process id to `starts`.
"""

import json
import os
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

STATE = Path(sys.argv[2]) if len(sys.argv) > 2 else Path()
ANSWER = {
    "choices": [{"message": {"role": "assistant", "content": "It is four."}}],
    "usage": {"prompt_tokens": 500},
    "timings": {"prompt_n": 500, "prompt_ms": 900.0, "predicted_n": 10, "predicted_ms": 500.0},
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        eat_where_told()
        loading = (STATE / "loading").exists()
        self._answer(503 if loading else 200, {"status": "loading" if loading else "ok"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        note("asked", body.decode())
        eat_where_told()
        if (STATE / "loading").exists():
            error = {"message": "Loading model", "type": "unavailable_error", "code": 503}
            self._answer(503, {"error": error})
        elif json.loads(body).get("stream"):
            self._stream("It is four, as far as I know.")
        else:
            self._answer(200, ANSWER)

    def _stream(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        deltas: list[dict[str, str]] = [{"content": f"{word} "} for word in text.split()]
        for number, delta in enumerate([*deltas, {}]):
            ended = "stop" if number == len(deltas) else None
            chunk = {
                **{"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"},
                "choices": [{"index": 0, "delta": delta, "finish_reason": ended}],
            }
            self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")

    def _answer(self, status: int, answer: Any) -> None:  # noqa: ANN401
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        pass


def eat_where_told() -> None:
    eaten = []
    try:
        while (STATE / "eat").exists():
            eaten.append(b"x" * (16 << 20))
    except MemoryError:
        os.abort()


def note(name: str, line: str) -> None:
    with suppress(OSError), (STATE / name).open("a") as file:  # where it may write nothing
        file.write(line + "\n")


def main() -> None:
    note("starts", str(os.getpid()))
    for name, status in (("refuse", 78), ("crash", 3)):
        if (STATE / name).exists():
            sys.stderr.write(f"the script says {name}\n")
            sys.exit(status)
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


if __name__ == "__main__":
    main()
