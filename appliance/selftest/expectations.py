"""Is it the engine of the plan that answers, on its device, as fast as that device is? Pure."""

from dataclasses import dataclass

from appliance.selftest.check import Verdict
from appliance.selftest.context import CheckContext
from appliance.selftest.engine_probe import Planned
from appliance.selftest.speed import engine_and_device, over, share_allowed


@dataclass(frozen=True, slots=True)
class Used:
    """`message` is to follow the name and the time of the engine."""

    verdict: Verdict = Verdict.OK
    message: str = ""
    advice: str = ""

    @property
    def problem(self) -> bool:
        return self.verdict is not Verdict.OK


_BUSY = (
    "Test again when nobody talks to it and nothing else runs. If it stays slow, choose a faster"
    " power mode or a smaller model; `appliance plan` shows the choices."
)
_FALLEN = (
    "The GPU builds of the engines are missing or were overwritten by those for the processor"
    " (any `pip install -U` may do that). Install them again with the installer, restart the"
    " appliance and look for errors in `journalctl -u voice-appliance`."
)


def used(planned: Planned, name: str, share: float, facts: CheckContext, *, busy: bool) -> Used:
    """What to say of the engine called `name` that took `share` of the speech's length.

    On a `busy` machine, being late is no failure.
    """
    engine, device = engine_and_device(name)
    if planned.device == "cuda" and device != "cuda":
        why = f": {planned.trouble}" if planned.trouble else ""
        return Used(
            Verdict.FAILURE,
            f", on the processor though the plan says GPU{why}",
            planned.advice or _FALLEN,
        )
    if planned.loading:
        return Used(
            Verdict.WARNING,
            f", standing in while {planned.engine} {planned.model} loads",
            "Wait a minute and test again; a large model from a slow disk takes that long.",
        )
    if engine != planned.engine or planned.trouble:
        return Used(
            Verdict.WARNING,
            f", in place of {planned.engine}: {planned.trouble or 'it failed'}",
            planned.advice or "See `journalctl -u voice-appliance` for why it failed.",
        )
    return _in_time(planned, name, share, facts, busy)


def _in_time(planned: Planned, name: str, share: float, facts: CheckContext, busy: bool) -> Used:
    _, device = engine_and_device(name)
    allowed = share_allowed(name)
    # A slow processor is slow; a slow GPU is none.
    verdict = over(share, allowed, excused=device == "cpu" or busy)
    if verdict is not Verdict.OK and device == "cuda":
        return Used(
            verdict,
            f", as slow as a processor: a GPU takes {allowed:.0%} at most",
            f"The GPU may not do the work. {_FALLEN}" if verdict is Verdict.FAILURE else _BUSY,
        )
    if verdict is not Verdict.OK:
        return Used(verdict, f", slower than the {allowed:.0%} that keep a talk going", _BUSY)
    if device == "cpu" and facts.hardware.gpu and planned.device == "cpu":
        return Used(
            Verdict.WARNING,
            f", and the GPU is not used ({planned.accelerator})",
            f"For the next better choice: {planned.better}. `appliance plan` says more.",
        )
    return Used(message=", on the processor" if device == "cpu" else ", on the GPU")
