"""Every page in one Chromium: accessible, mirrored, installable, and on the wall.

axe-core looks at each page at the size of a desktop and of a phone, in light and in dark.
"""

import os
import re
from typing import Any

import pytest

from tests.e2e.browser import DESKTOP, PHONE, House, Visit, visiting
from tests.e2e.firefox import firefox, firefox_tab
from tests.install.shell import ROOT

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
LOOKS = [(size, scheme) for size in (DESKTOP, PHONE) for scheme in ("light", "dark")]


def addresses() -> list[str]:
    """Returns the addresses of the router; an id is one that there is not."""
    router = (ROOT / "web" / "src" / "app" / "router.tsx").read_text(encoding="utf-8")
    found = re.findall(r'child\("(/[^"]*)"', router)
    assert len(found) >= 10
    return [path.replace("$id", "none") for path in found]


async def photograph(visit: Visit, name: str) -> None:
    """Keeps a picture where APPLIANCE_SCREENSHOTS names a directory."""
    if directory := os.environ.get("APPLIANCE_SCREENSHOTS"):
        await visit.page.screenshot(path=f"{directory}/{name}.png")


async def violations(visit: Visit) -> list[str]:
    """Returns what axe-core finds, a line each."""
    found: dict[str, Any] = await visit.page.evaluate(
        "axe.run({ resultTypes: ['violations'] }).then(({ violations }) => ({ violations }))"
    )
    return [
        f"{rule['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("path", addresses())
async def test_a_page_is_accessible_and_can_be_mirrored(house: House, path: str) -> None:
    async with visiting(house.browser, house.site.https + path) as visit:
        await visit.until_loaded()
        # Evaluated from outside: the page's policy would refuse the script.
        await visit.page.evaluate(AXE.read_text(encoding="utf-8"))
        for size, scheme in LOOKS:
            await visit.page.set_viewport_size(size)
            await visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            name = path.strip("/").replace("/", "-") or "talk"
            await photograph(visit, f"{name}-{size['width']}-{scheme}")
            found = "\n".join(await violations(visit))
            assert not found, f"{path} {size['width']} {scheme}:\n{found}"
        # The last size is a phone's, where there is least room.
        for direction in ("ltr", "rtl"):
            await visit.page.evaluate(f"document.documentElement.dir = '{direction}'")
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await visit.page.evaluate(wide) <= 0, (path, direction)
        await photograph(visit, f"{name}-rtl")


KEPT = """Promise.all((await caches.keys()).map(async (name) => [
  name, (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname)]))"""


async def kept(visit: Visit) -> dict[str, list[str]]:
    """Returns the paths in each cache of the page."""
    entries: list[Any] = await visit.page.evaluate(f"(async () => {KEPT})()")
    return dict(entries)


async def kept_shell(visit: Visit) -> str:
    """Waits until the service worker serves the page; returns the name of its one cache."""
    await visit.until("!!navigator.serviceWorker.controller")
    (cache,) = await kept(visit)
    return cache


async def test_the_page_can_be_installed(house: House) -> None:
    async with visiting(house.browser, house.site.https) as visit:
        await kept_shell(visit)
        tools = await visit.page.context.new_cdp_session(visit.page)
        manifest = await tools.send("Page.getAppManifest")
        assert manifest["errors"] == []
        faults = await tools.send("Page.getInstallabilityErrors")
        # A context without a history of its own is what Chromium takes for a private window.
        ids = {fault["errorId"] for fault in faults["installabilityErrors"]} - {"in-incognito"}
        assert ids == set()


async def test_the_shell_opens_without_the_appliance_and_keeps_nothing_of_its_answers(
    house: House,
) -> None:
    async with visiting(house.browser, house.site.https) as visit:
        cache = await kept_shell(visit)
        paths = (await kept(visit))[cache]
        assert "/" in paths
        assert all(path == "/" or path.startswith("/assets/") for path in paths)
        assert any(re.search(r"/assets/index-.*\.js$", path) for path in paths)
        await visit.page.context.set_offline(True)
        await visit.page.goto(f"{house.site.https}/wall")
        await visit.until_loaded()
        await visit.until_shown("[role=status]", "The server is down")
        await visit.page.context.set_offline(False)


async def test_after_an_upgrade_the_next_page_is_the_new_one(house: House) -> None:
    async with visiting(house.browser, house.site.https) as visit:
        before = await kept_shell(visit)
        index, worker = house.page / "index.html", house.page / "sw.js"
        index.write_text(index.read_text().replace("<title>", '<meta name="new"><title>'))
        version = before.removeprefix("shell-")
        worker.write_text(worker.read_text().replace(version, "another"))
        # An open page goes on with its own files while the new ones are fetched.
        update = (
            "navigator.serviceWorker.getRegistration().then((one) => one.update()).then(() => 0)"
        )
        await visit.page.evaluate(update)
        await visit.until("navigator.serviceWorker.controller !== null")
        await visit.until(
            "(async () => !!(await navigator.serviceWorker.getRegistration()).waiting)()"
        )
        assert set(await kept(visit)) == {before, "shell-another"}
        await visit.page.reload()
        assert await visit.page.locator('meta[name="new"]').count() == 1
        # When it was the last page of the old version, the new one takes over.
        await visit.page.goto("about:blank")
        await visit.page.goto(house.site.https)
        await visit.until("(async () => (await caches.keys()).join() === 'shell-another')()")


async def test_the_talk_page_comes_in_250_kilobytes(house: House) -> None:
    """As nginx compresses it, without what is fetched for a call once the page is there."""
    async with visiting(house.browser, house.site.https) as visit:
        await visit.until_state("idle")
        fetched: list[tuple[str, str, int]] = await visit.page.evaluate(
            """['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))
              .map(({ name, initiatorType, encodedBodySize }) =>
                [name, initiatorType, encodedBodySize])"""
        )
    shell = [size for name, by, size in fetched if by != "fetch" and "/assets/line-" not in name]
    assert len(shell) > 10
    assert sum(shell) < 250_000


@pytest.mark.skipif(firefox() is None, reason="there is no Firefox here")
async def test_firefox_asks_and_is_answered(house: House) -> None:
    """In words: without a sound device, Firefox starts no AudioContext."""
    async with firefox_tab() as tab:
        await tab.goto(house.site.https)
        await tab.until("document.body.dataset.state === 'idle'")
        await tab.click("#connect")
        await tab.until("document.body.dataset.state === 'listening'")
        await tab.click("#message")
        await tab.type("what day is it")
        await tab.until("/Today is/.test(document.querySelector('#log .assistant')?.innerText)")
        await tab.until("document.body.dataset.state === 'listening'")
        # The microphone that hums is heard, as a level.
        assert await tab.evaluate("document.querySelector('#mute').disabled") is False
        await tab.click("#connect")
        await tab.until("document.body.dataset.state === 'idle'")


async def test_the_wall_listens_by_itself_and_tells_the_system(house: House) -> None:
    async with visiting(house.browser, f"{house.site.https}/wall") as visit:
        await visit.until_state("listening", 60.0)
        assert await visit.page.evaluate("navigator.mediaSession.playbackState") == "paused"
        assert await visit.page.evaluate("navigator.mediaSession.metadata.title")
        clock = await visit.page.locator(".clock .time").bounding_box()
        assert clock
        assert clock["height"] > DESKTOP["height"] / 5
        await photograph(visit, "wall-listening")
        await visit.page.click("#connect")
        await visit.until_state("idle")
        assert await visit.page.evaluate("navigator.mediaSession.playbackState") == "none"
