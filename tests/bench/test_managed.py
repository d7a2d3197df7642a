"""The model that the measured appliance runs itself is waited for, and its server is weighed."""

import asyncio
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.bench.managed import managed_model
from appliance.errors import ApplianceError

FIGURES = {"device": "cpu", "tokens_per_second": 12.5, "warm_first_token_seconds": 0.25}
EATER = "import sys; eaten = b'x' * (40 << 20); print(flush=True); sys.stdin.read()"


class Daemon:
    """Stands for the appliance, whose model has these states in turn."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.process = SimpleNamespace(pid=os.getpid())
        self.health = self._health()

    def _health(self) -> dict[str, Any]:
        model = {"name": "one", "state": self.states.pop(0), "why": "it is too slow"}
        return {"language_model": {**model, **FIGURES}}

    async def refresh_health(self) -> None:
        self.health = self._health()


def test_it_is_waited_for_and_weighed() -> None:
    daemon: Any = Daemon("starting", "ready")
    server = subprocess.Popen(
        [sys.executable, "-c", EATER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdin
    assert server.stdout
    with server.stdin, server.stdout:
        server.stdout.readline()
        found = asyncio.run(managed_model(daemon))
    server.wait()
    assert (found.name, found.device) == ("one", "cpu")
    assert (found.tokens_per_second, found.warm_first_token_ms) == (12.5, 250.0)
    assert found.resident_bytes > 40 << 20
    assert daemon.states == []


@pytest.mark.parametrize("state", ["off", "refused"])
async def test_without_one_there_is_nothing_to_measure(state: str) -> None:
    daemon: Any = Daemon(state)
    with pytest.raises(ApplianceError, match="no language model of its own: it is too slow"):
        await managed_model(daemon)
