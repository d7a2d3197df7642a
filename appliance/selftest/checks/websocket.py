"""Does a conversation come about, through nginx, as from another machine?"""

import ssl
import time
from typing import ClassVar

from appliance.errors import SessionError, SessionLimit
from appliance.selftest import visit
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.checks.nginx import unreachable
from appliance.selftest.context import CheckContext

SLOW_SECONDS = 3.0  # on an idle machine it takes a tenth of a second


class WebSocketCheck(BaseCheck):
    name: ClassVar[str] = "websocket"
    title: ClassVar[str] = "WebSocket"
    limit: ClassVar[float] = 45.0

    async def run(self, facts: CheckContext) -> Finding:
        import aiohttp

        if facts.daemon is None:
            return self.skipped("the appliance does not run")
        begin = time.monotonic()
        try:
            async with visit.session(facts, facts.daemon) as visitor:
                seconds = time.monotonic() - begin
        except SessionLimit as error:
            return self.warning(error.message, "Test again when somebody has hung up.")
        except (SessionError, aiohttp.ClientError, OSError) as error:
            return self._refused(facts, error)
        shown = f"a session opened {visitor.way} in {1000 * seconds:.0f} ms"
        if seconds > SLOW_SECONDS:
            finding = self.warning(
                shown, "The machine is overloaded; look at `top`, and test again at rest."
            )
        else:
            finding = self.ok(shown)
        return finding.with_figures(seconds=round(seconds, 3))

    def _refused(self, facts: CheckContext, error: Exception) -> Finding:
        advice = "See `journalctl -u voice-appliance` for the reason."
        if facts.site:
            advice = unreachable(facts.site)
        if isinstance(error, ssl.SSLError):
            advice = f"The certificate is not trusted; see its check. {advice}"
        return self.failure(f"no session came about: {error}", advice)
