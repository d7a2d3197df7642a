"""Runs the checks one after the other, each within its limit and isolated from the others."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from appliance import __version__
from appliance.errors import ApplianceError
from appliance.hardware.detect import Hardware
from appliance.selftest.check import Check, Finding, SelftestReport, Verdict
from appliance.selftest.context import CheckContext

log = logging.getLogger(__name__)

TOTAL_SECONDS = 540.0  # for all checks together; the nightly unit allows ten minutes
MIN_CHECK_SECONDS = 5.0  # for each check, even after TOTAL_SECONDS

OnProgress = Callable[[Sequence[Finding], Check | None], None]
"""Called with the findings so far and the check that begins; with None at the end."""


async def run(
    checks: Sequence[Check], context: CheckContext, on_progress: OnProgress
) -> SelftestReport:
    """The report on all of the checks, in their order."""
    started, begin = time.time(), time.monotonic()
    findings: list[Finding] = []
    for check in checks:
        on_progress(tuple(findings), check)
        left = max(MIN_CHECK_SECONDS, TOTAL_SECONDS - (time.monotonic() - begin))
        findings.append(await run_check(check, context, min(check.limit, left)))
    on_progress(tuple(findings), None)
    seconds = round(time.monotonic() - begin, 2)
    machine = _machine(context.hardware)
    return SelftestReport(__version__, started, seconds, machine, tuple(findings))


async def run_check(check: Check, context: CheckContext, limit: float) -> Finding:
    """The finding of one check, whatever it raises; after `limit` seconds at the latest."""
    begin = time.monotonic()
    finding = await _finding_of(check, context, limit)
    seconds = round(time.monotonic() - begin, 3)
    return replace(finding, title=check.title, seconds=seconds)


async def _finding_of(check: Check, context: CheckContext, seconds: float) -> Finding:
    try:
        async with asyncio.timeout(seconds) as limit:
            return await check.run(context)
    except ApplianceError as error:
        advice = error.advice or error.default_advice
        return Finding(check.name, Verdict.FAILURE, error.message, advice)
    except Exception as error:  # the boundary of a check: the others still run
        if isinstance(error, TimeoutError) and limit.expired():
            return _timed_out(check, seconds)
        log.debug("%s failed", check.name, exc_info=True)
        return Finding(
            check.name,
            Verdict.FAILURE,
            f"the check itself failed: {type(error).__name__}: {error}",
            f"Run `appliance selftest --only {check.name}`; if it fails again, report this.",
        )


def _timed_out(check: Check, seconds: float) -> Finding:
    return Finding(
        check.name,
        Verdict.FAILURE,
        f"there was no result within {seconds:g} s",
        "Something hangs or is overloaded. Look at `journalctl -u voice-appliance`, and test again"
        " when the machine is at rest.",
    )


def _machine(hardware: Hardware) -> dict[str, object]:
    return {
        "model": hardware.model,
        "architecture": hardware.architecture,
        "cores": hardware.cores,
        "memory_bytes": hardware.memory_total,
        "l4t": str(hardware.l4t or ""),
        "jetpack": hardware.jetpack,
        "gpu": hardware.gpu,
    }
