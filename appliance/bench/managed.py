"""Waits for the language model that a measured appliance runs itself, and takes its figures."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.bench.process import DaemonProcess, resident_bytes
from appliance.errors import ApplianceError

READY_SECONDS: Final = 300.0
"""Loading a model from a slow card, and its trial."""
_HOPELESS: Final = ("off", "refused")


@dataclass(frozen=True, slots=True)
class ManagedModelFigures:
    """What the appliance says of its model, and the memory of its server, in bytes."""

    name: str
    device: str
    tokens_per_second: float
    warm_first_token_ms: float
    resident_bytes: int


async def managed_model(daemon: DaemonProcess) -> ManagedModelFigures:
    """The figures of the model, once it answers. Raises ApplianceError where it does not come."""
    model: dict[str, object] = {}
    with suppress(TimeoutError):
        async with asyncio.timeout(READY_SECONDS):
            while (model := daemon.health["language_model"])["state"] != "ready":
                if model["state"] in _HOPELESS:
                    break
                await asyncio.sleep(0.5)
                await daemon.refresh_health()
    if model["state"] != "ready":
        raise ApplianceError(
            f"the appliance runs no language model of its own: {model['why']}",
            advice="`appliance plan` says what it needs; --llm-model names one that is on disk.",
        )
    return ManagedModelFigures(
        name=str(model["name"]),
        device=str(model["device"]),
        tokens_per_second=float(str(model["tokens_per_second"])),
        warm_first_token_ms=1000 * float(str(model["warm_first_token_seconds"])),
        resident_bytes=_resident_below(daemon.process.pid),
    )


def _resident_below(process: int) -> int:
    total = 0
    for descendant in _descendants(process):
        with suppress(OSError):  # it has just ended
            total += resident_bytes(descendant)
    return total


def _descendants(process: int) -> Iterator[int]:
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in map(int, (task / "children").read_text("ascii").split()):
                yield child
                yield from _descendants(child)


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
