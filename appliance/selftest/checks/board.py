"""Checks that this is a supported machine with enough memory and a working GPU."""

from typing import ClassVar

from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext

SUPPORTED = ("x86_64", "aarch64")
MIN_MEMORY = 900_000_000  # the system, the starter engines, the pipeline and one session


class BoardCheck(BaseCheck):
    name: ClassVar[str] = "board"
    title: ClassVar[str] = "Board"
    limit: ClassVar[float] = 5.0

    async def run(self, context: CheckContext) -> Finding:
        machine = context.hardware
        module = f", module {machine.module}" if machine.module else ""
        summary = f"{machine.model or 'a machine without a name'} ({machine.architecture}{module})"
        if machine.architecture not in SUPPORTED:
            return self.failure(
                f"{summary} has a processor for which there are no engines",
                "Use an x86-64 or a 64-bit ARM machine with a 64-bit operating system.",
            )
        if not machine.memory_total:
            return self.warning(
                f"{summary} does not say how much memory it has",
                "/proc/meminfo cannot be read. In a container or a sandbox, let /proc be seen"
                " (ProcSubset=all).",
            )
        if machine.memory_total < MIN_MEMORY:
            return self.warning(
                f"{summary} has {machine.memory_total // 10**6} MB of memory, which is little",
                "1 GB is the least for one conversation with the starter engines; use a board"
                " with more.",
            )
        if machine.soc and not machine.gpu:
            return self.failure(
                f"{summary}: its GPU has not come up",
                "Switch the board off, wait ten seconds and switch it on again; a restart is not"
                " enough. If that does not help, look at `dmesg | grep -i nvgpu`.",
            )
        return self.ok(summary)
