"""Checks that a session opens through nginx, as from another machine."""

import ssl
import time
from typing import ClassVar

from appliance.errors import SessionError, SessionLimit
from appliance.selftest import site_client
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.checks.nginx import unreachable
from appliance.selftest.context import CheckContext

SLOW_SECONDS = 3.0  # an idle machine takes a tenth of a second


class WebSocketCheck(BaseCheck):
    name: ClassVar[str] = "websocket"
    title: ClassVar[str] = "WebSocket"
    limit: ClassVar[float] = 45.0

    async def run(self, context: CheckContext) -> Finding:
        import aiohttp

        if context.daemon is None:
            return self.skipped("the appliance does not run")
        begin = time.monotonic()
        try:
            async with site_client.open_session(context, context.daemon) as session:
                seconds = time.monotonic() - begin
        except SessionLimit as error:
            return self.warning(error.message, "Test again when somebody has hung up.")
        except (SessionError, aiohttp.ClientError, OSError) as error:
            return self._failed(context, error)
        summary = f"a session opened {session.route} in {1000 * seconds:.0f} ms"
        if seconds > SLOW_SECONDS:
            finding = self.warning(
                summary, "The machine is overloaded; look at `top`, and test again at rest."
            )
        else:
            finding = self.ok(summary)
        return finding.with_figures(seconds=round(seconds, 3))

    def _failed(self, context: CheckContext, error: Exception) -> Finding:
        advice = "See `journalctl -u voice-appliance` for the reason."
        if context.site:
            advice = unreachable(context.site)
        if isinstance(error, ssl.SSLError):
            advice = f"The certificate is not trusted; see its check. {advice}"
        return self.failure(f"no session came about: {error}", advice)
