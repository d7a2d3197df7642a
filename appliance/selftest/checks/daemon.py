"""Checks that the daemon runs, is ready, and is of the installed version."""

from collections.abc import Mapping
from typing import Any, ClassVar

from appliance import __version__
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext
from appliance.selftest.daemon_client import DAEMON_GONE_ADVICE, control_socket


class DaemonCheck(BaseCheck):
    name: ClassVar[str] = "running"
    title: ClassVar[str] = "The appliance"
    limit: ClassVar[float] = 10.0

    async def run(self, context: CheckContext) -> Finding:
        if context.daemon is None:
            return self._not_running(context)
        return self.judge(await context.daemon.status())

    def _not_running(self, context: CheckContext) -> Finding:
        socket = control_socket(context.config)
        try:
            exists = socket.exists()
        except PermissionError:
            exists = True
        if exists:
            return self.failure(
                f"{socket} is there, but this user may not open it, or nobody answers",
                f"Run this as root or as the appliance's user. {DAEMON_GONE_ADVICE}",
            )
        return self.failure(
            "it does not run, or with another configuration (store.path)",
            "Start it: `sudo systemctl start voice-appliance`, or `./install.sh run`."
            f" {DAEMON_GONE_ADVICE}",
        )

    def judge(self, status: Mapping[str, Any]) -> Finding:
        up = f"version {status['version']}, up for {_duration(status['uptime_seconds'])}"
        engines = [state["name"] for state in status["engines"].values()]
        summary = f"{up}; {' and '.join(engines) or 'no engine yet'}"
        if status["version"] != __version__:
            finding = self.warning(
                f"{up}, while {__version__} is installed",
                "Restart it: `sudo systemctl restart voice-appliance`.",
            )
        elif not status["ready"]:
            finding = self.warning(
                f"{summary}: still loading",
                "Wait a minute and test again; a large model from a slow disk takes that long.",
            )
        else:
            finding = self.ok(summary)
        return finding.with_figures(
            resident_bytes=status["resident_bytes"],
            sessions=status["sessions"],
            session_limit=status["session_limit"],
        )


def _duration(seconds: float) -> str:
    hours, minutes = divmod(int(seconds) // 60, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"))
    summary = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(summary[:2]) or f"{seconds:.0f} s"
