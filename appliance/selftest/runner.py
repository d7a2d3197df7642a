"""Runs the checks: one after the other, each within its limit, none able to spoil the rest."""

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

TOTAL_SECONDS = 540.0  # for all checks together; the nightly unit gives them ten minutes
LEAST_SECONDS = 5.0  # that each check gets all the same, late as it may be

Watch = Callable[[Sequence[Finding], Check | None], None]
"""Hears of the findings so far and of the check that begins; None at the end."""


async def run(checks: Sequence[Check], facts: CheckContext, watch: Watch) -> SelftestReport:
    """The report on all of the checks, in their order."""
    started, begin = time.time(), time.monotonic()
    findings: list[Finding] = []
    for check in checks:
        watch(tuple(findings), check)
        left = max(LEAST_SECONDS, TOTAL_SECONDS - (time.monotonic() - begin))
        findings.append(await one(check, facts, min(check.limit, left)))
    watch(tuple(findings), None)
    seconds = round(time.monotonic() - begin, 2)
    return SelftestReport(__version__, started, seconds, _machine(facts.hardware), tuple(findings))


async def one(check: Check, facts: CheckContext, limit: float) -> Finding:
    """The finding of one check, whatever it does; after `limit` seconds at the latest."""
    begin = time.monotonic()
    finding = await _guarded(check, facts, limit)
    seconds = round(time.monotonic() - begin, 3)
    return replace(finding, title=check.title, seconds=seconds)


async def _guarded(check: Check, facts: CheckContext, seconds: float) -> Finding:
    try:
        async with asyncio.timeout(seconds) as limit:
            return await check.run(facts)
    except ApplianceError as error:
        advice = error.advice or error.default_advice
        return Finding(check.name, Verdict.FAILURE, error.message, advice)
    except Exception as error:  # the boundary of a check: the others still run
        if isinstance(error, TimeoutError) and limit.expired():
            return _too_slow(check, seconds)
        log.debug("%s failed", check.name, exc_info=True)
        return Finding(
            check.name,
            Verdict.FAILURE,
            f"the check itself failed: {type(error).__name__}: {error}",
            f"Run `appliance selftest --only {check.name}`; if it fails again, report this.",
        )


def _too_slow(check: Check, seconds: float) -> Finding:
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
