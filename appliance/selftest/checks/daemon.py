"""Does the appliance run, with the engines that its plan chose?"""

from collections.abc import Mapping
from typing import Any, ClassVar

from appliance import __version__
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext
from appliance.selftest.daemon_client import GONE, control_socket


class DaemonCheck(BaseCheck):
    name: ClassVar[str] = "running"
    title: ClassVar[str] = "The appliance"
    limit: ClassVar[float] = 10.0

    async def run(self, facts: CheckContext) -> Finding:
        if facts.daemon is None:
            return self._silent(facts)
        return self.judge(await facts.daemon.status())

    def _silent(self, facts: CheckContext) -> Finding:
        socket = control_socket(facts.config)
        try:
            there = socket.exists()
        except PermissionError:
            there = True
        if there:
            return self.failure(
                f"{socket} is there, but it does not let this user in, or nobody answers",
                f"Run this as root or as the appliance's user. {GONE}",
            )
        return self.failure(
            "it does not run, or with another configuration (store.path)",
            f"Start it: `sudo systemctl start voice-appliance`, or `./install.sh run`. {GONE}",
        )

    def judge(self, status: Mapping[str, Any]) -> Finding:
        up = f"version {status['version']}, up for {_span(status['uptime_seconds'])}"
        engines = [state["name"] for state in status["engines"].values()]
        shown = f"{up}; {' and '.join(engines) or 'no engine yet'}"
        if status["version"] != __version__:
            finding = self.warning(
                f"{up}, while {__version__} is installed",
                "Restart it: `sudo systemctl restart voice-appliance`.",
            )
        elif not status["ready"]:
            finding = self.warning(
                f"{shown}: still loading",
                "Wait a minute and test again; a large model from a slow disk takes that long.",
            )
        else:
            finding = self.ok(shown)
        return finding.with_figures(
            resident_bytes=status["resident_bytes"],
            sessions=status["sessions"],
            session_limit=status["session_limit"],
        )


def _span(seconds: float) -> str:
    hours, minutes = divmod(int(seconds) // 60, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"))
    told = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(told[:2]) or f"{seconds:.0f} s"
