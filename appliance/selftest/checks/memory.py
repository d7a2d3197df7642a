"""Checks that enough memory is free, and that the system does not swap heavily."""

from typing import ClassVar

from appliance.concurrency import run_in_daemon_thread
from appliance.hardware import sysfs, telemetry
from appliance.hardware.plan import reserve_of
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext

MB = 10**6
MAX_SWAPPED = 0.5  # of the swap space; above it, an engine may have to be read back from disk

_ADVICE = (
    "Close other programs, a desktop first (`sudo systemctl set-default multi-user.target` and"
    " restart), set a smaller stt.model, or lower limits.sessions."
)


class MemoryCheck(BaseCheck):
    name: ClassVar[str] = "memory"
    title: ClassVar[str] = "Memory"
    limit: ClassVar[float] = 5.0

    async def run(self, context: CheckContext) -> Finding:
        """Runs in a thread: a sensor that hangs fails this check and blocks nothing else."""
        return await run_in_daemon_thread(lambda: self.inspect(context))

    def inspect(self, context: CheckContext) -> Finding:
        gauges = telemetry.read(context.root)
        if not gauges.memory_total or gauges.memory_available is None:
            return self.warning(
                "how much memory is free cannot be read",
                "/proc/meminfo cannot be read; in a sandbox, let /proc be seen (ProcSubset=all).",
            )
        free, reserve = gauges.memory_available, reserve_of(gauges.memory_total)
        swapped = _swapped_share(sysfs.meminfo(context.root))
        summary = f"{free // MB} MB of {gauges.memory_total // MB} MB available"
        if free < reserve // 2:
            finding = self.failure(
                f"{summary}; below {reserve // 2 // MB} MB it gets slow", _ADVICE
            )
        elif free < reserve:
            finding = self.warning(f"{summary}; {reserve // MB} MB should be", _ADVICE)
        elif swapped > MAX_SWAPPED:
            finding = self.warning(
                f"{summary}, but {swapped:.0%} of the swap space is used", _ADVICE
            )
        else:
            finding = self.ok(summary)
        return finding.with_figures(
            available_bytes=free, reserve_bytes=reserve, swapped_share=round(swapped, 3)
        )


def _swapped_share(meminfo: dict[str, int]) -> float:
    total = meminfo.get("SwapTotal", 0)
    return 1 - meminfo.get("SwapFree", total) / total if total else 0.0
