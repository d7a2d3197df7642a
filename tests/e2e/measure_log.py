"""Measures what one more word costs the page's log: `python -m tests.e2e.measure_log`.

Prints the 50th and 95th percentile in milliseconds, the number of elements and the JavaScript in
use, below 10, 1,000 and 10,000 turns, and the ratio of the last to the first. Times of a busy
machine are no figures.
"""

import asyncio
import functools
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.async_api import async_playwright

from tests.e2e.browser import FLAGS, chromium
from tests.install.shell import ROOT

WEB = ROOT / "web"
PRECISE = ("--enable-precise-memory-info", "--js-flags=--expose-gc")


class Quiet(SimpleHTTPRequestHandler):
    """Serves the built bench without a word."""

    def log_message(self, *_args: object) -> None:
        pass


async def _measured(address: str) -> list[dict[str, Any]]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=[*FLAGS, *PRECISE]
        )
        try:
            page = await browser.new_page()
            await page.goto(address)
            await page.wait_for_function("document.title === 'measured'", timeout=180_000)
            found: list[dict[str, Any]] = await page.evaluate("window.__measured")
            return found
        finally:
            await browser.close()


def main() -> None:
    """Builds the bench, runs it and prints its figures."""
    build = ["npx", "vite", "build", "--config", "bench/vite.config.ts", "--logLevel", "error"]
    subprocess.run(build, cwd=WEB, check=True)
    handler = functools.partial(Quiet, directory=str(WEB / "bench" / "dist"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        found = asyncio.run(_measured(f"http://localhost:{server.server_port}/log.html"))
    finally:
        server.shutdown()
    for one in found:
        sys.stdout.write(
            f"{one['turns']:6} turns  p50 {one['p50']:5.1f} ms  p95 {one['p95']:5.1f} ms  "
            f"{one['nodes']} elements  {one['heap'] / 1e6:5.1f} MB\n"
        )
    # What else runs only adds: of two measurements, the lower one is less disturbed.
    counts = [one["turns"] for one in found]
    few, many = (
        min(one["p95"] for one in found if one["turns"] == turns)
        for turns in (min(counts), max(counts))
    )
    sys.stdout.write(f"ratio of the 95th percentiles: {many / few:.2f}\n")


if __name__ == "__main__":
    main()
