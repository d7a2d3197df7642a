"""Measures the page in Chromium, through nginx: `python -m tests.e2e.measure_page`.

Prints what is fetched before the talk page is there, the time to its button, and the long tasks
(more than 50 ms in which it answers nobody) during a call. Times of a busy machine are no figures.
"""

import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

from tests.chat_server import chat_server
from tests.daemon import running
from tests.e2e.browser import browser_for, visiting
from tests.e2e.browser_appliance import Place
from tests.e2e.take_pictures import answer, build
from tests.install.conftest import serving
from tests.install.shell import CERTIFICATE, free_ports, succeed

LOADS = 5
QUESTIONS = ("what are the largest oceans", "how do i make spaghetti aglio e olio") * 4

# Before any script of the page: when its button is first there, and what holds it up.
WATCH = """
window.measured = { button: 0, tasks: [] };
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) window.measured.tasks.push(duration);
}).observe({ type: 'longtask', buffered: true });
new MutationObserver((_, watch) => {
  if (!document.querySelector('#connect')) return;
  requestAnimationFrame(() => { window.measured.button = performance.now(); });
  watch.disconnect();
}).observe(document, { subtree: true, childList: true });
"""


# The document, scripts, styles and words; not what is asked of the appliance's API, nor what a call
# needs, which is fetched when the page is there.
FETCHED = """
[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
  .filter((one) => one.initiatorType !== 'fetch' && !one.name.includes('/assets/line-'))
  .map((one) => one.encodedBodySize)
"""


async def first_load(browser: Browser, address: str) -> tuple[int, int, float]:
    """Returns the files and bytes that a browser which knows nothing fetches, and ms to the button.

    Bytes are as they cross the network: compressed, without headers.
    """
    context = await browser.new_context(service_workers="block")
    page = await context.new_page()
    await page.add_init_script(WATCH)
    await page.goto(address)
    await page.wait_for_selector("#connect")
    while not (milliseconds := await page.evaluate("window.measured.button")):  # noqa: ASYNC110  polled
        await asyncio.sleep(0.05)
    sizes = await page.evaluate(FETCHED)
    await context.close()
    return len(sizes), sum(sizes), milliseconds


async def long_tasks(browser: Browser, address: str) -> list[float]:
    """Returns the ms of each long task in a call of several answers with tables and lists."""
    async with visiting(browser, address) as visit:
        await visit.page.add_init_script(WATCH)
        await visit.page.reload()
        await visit.until_state("idle")
        await visit.connect()
        before = await visit.page.evaluate("window.measured.tasks.length")
        for question in QUESTIONS:
            await visit.type(question)
            await visit.until_state("speaking", 60)
            await visit.until_state("listening", 60)
        found: list[float] = await visit.page.evaluate(f"window.measured.tasks.slice({before})")
        return found


async def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(Path(scratch), 0, 0, *free_ports(1))
        succeed(CERTIFICATE, place.certificates, "--host", "kitchen", "--address", "192.168.1.20")
        settings = {
            "APPLIANCE__SERVER__PORT": str(place.port),
            "APPLIANCE__LLM__PROVIDER": "custom",
        }
        page, upstream = str(build()), f"127.0.0.1:{place.port}"
        with serving(place.certificates, PAGE=page, UPSTREAM=upstream) as site:
            async with chat_server(answer, tokens_per_second=100.0) as chat:
                settings["APPLIANCE__LLM__BASE_URL"] = chat.base_url
                state = place.directory / "state"
                async with running(state, settings, seconds=150.0), browser_for(place) as browser:
                    loads = [await first_load(browser, site.https) for _ in range(LOADS)]
                    return {"loads": loads, "tasks": await long_tasks(browser, site.https)}


def main() -> None:
    """Measures, and prints the figures."""
    found = asyncio.run(measure())
    files, size, _ = found["loads"][0]
    button = statistics.median(milliseconds for *_, milliseconds in found["loads"])
    tasks = found["tasks"]
    sys.stdout.write(
        f"first load: {files} files, {size / 1000:.0f} kB compressed\n"
        f"time to the button: {button:.0f} ms (median of {LOADS})\n"
        f"long tasks in a call of {len(QUESTIONS)} answers: {len(tasks)}, "
        f"{sum(tasks):.0f} ms in all, the longest {max(tasks, default=0):.0f} ms\n"
    )


if __name__ == "__main__":
    main()
