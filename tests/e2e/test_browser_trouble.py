"""What went wrong for people who used the page, in one Chromium."""

import signal

import pytest

from tests.e2e.browser import DESKTOP, PHONE, House, visiting

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]

YOURS = "document.querySelectorAll('#log .entry.you').length"


def height(selector: str) -> str:
    return f"document.querySelector({selector!r}).getBoundingClientRect().height"


def bottom(selector: str) -> str:
    return f"document.querySelector({selector!r}).getBoundingClientRect().bottom"


async def test_a_dead_connection_is_noticed_and_what_was_typed_arrives_once(house: House) -> None:
    async with visiting(house.browser, house.site.https) as visit:
        await visit.connect()
        house.daemon.process.send_signal(signal.SIGSTOP)
        try:
            await visit.type("what day is it")
            await visit.until_shown("#log .pending", "Not delivered yet")
            await visit.until_shown("#problem", "does not answer", 15)
        finally:
            house.daemon.process.send_signal(signal.SIGCONT)
        await visit.until_shown("#log .assistant", "Today is", 60)
        await visit.until("!document.querySelector('#log .pending')")
        assert await visit.page.evaluate(YOURS) == 1
        conversation = await visit.conversation_id()
    _, kept = await house.daemon.get(f"/api/conversations/{conversation}")
    assert [turn["user_text"] for turn in kept["turns"]] == ["what day is it"]


async def test_a_conversation_has_half_of_a_phone_whatever_else_runs(house: House) -> None:
    async with visiting(house.browser, house.site.https) as visit:
        await visit.connect()
        await visit.page.wait_for_selector("#warning")
        assert await visit.page.evaluate(height("#warning")) < 80
        for length in ("ten", "eleven", "twelve"):
            await visit.type(f"set a timer for {length} minutes")
            await visit.until_shown("#log .assistant", f"set for {length}")
        await visit.page.set_viewport_size(PHONE)
        await visit.until(f"{height('.talk')} >= innerHeight / 2")
        assert await visit.page.evaluate(height("#log")) > PHONE["height"] / 4
        await visit.page.set_viewport_size({"width": 844, "height": 390})
        for button in ("#connect", "#mute", "#message"):
            await visit.until(f"{bottom(button)} <= innerHeight")
        await visit.page.set_viewport_size(DESKTOP)
        await visit.type("cancel all timers")
        await visit.until("!document.querySelector('#timer-list .timer')")


async def test_a_conversation_is_held_with_the_keyboard_alone(house: House) -> None:
    async with visiting(house.browser, house.site.https) as visit:
        await visit.until_state("idle")
        keys = visit.page.keyboard

        async def tab_to(element: str) -> None:
            for _ in range(40):
                if await visit.page.evaluate("document.activeElement?.id") == element:
                    return
                await keys.press("Tab")
            raise AssertionError(f"no way to #{element} by the Tab key")

        await tab_to("connect")
        await keys.press("Enter")
        await visit.until_state("listening")
        await tab_to("message")
        await keys.type("what can you do")
        await keys.press("Enter")
        await visit.until_state("speaking")
        await keys.press("Escape")
        await visit.until_state("listening")
        await tab_to("fresh")
        await keys.press("Enter")
        await visit.page.wait_for_selector("dialog[open]")
        await keys.press("Escape")
        await visit.until("document.activeElement?.id === 'fresh'")


async def test_a_conversation_that_is_forgotten_leaves_the_page(house: House) -> None:
    async with visiting(house.browser, house.site.https) as visit:
        await visit.connect()
        await visit.type("what day is it")
        await visit.until_shown("#log .assistant", "Today is")
        await visit.until_state("listening")
        await visit.type("forget this conversation")
        # Only a yes to the question that was heard to its end is one.
        await visit.until_state("speaking")
        await visit.until_shown("#log .assistant", "It is deleted for good.")
        await visit.until_state("listening")
        await visit.until(
            "__appliance.events.findLast(one => one.type === 'audible').detail === false"
        )
        await visit.type("yes")
        await visit.until_state("idle")
        await visit.until(f"{YOURS} === 0")
        assert not await visit.page.locator("#problem").count()


async def test_what_is_said_of_a_kept_turn_is_seen_after_a_visit_to_the_talk_page(
    house: House,
) -> None:
    """Both pages stay in the document, with their styles."""
    async with visiting(house.browser, house.site.https) as visit:
        await visit.connect()
        await visit.type("what day is it")
        await visit.until_shown("#log .assistant", "Today is")
        await visit.page.click("#connect")
        await visit.page.click("nav a[href='/conversations']")
        await visit.page.click(".conversation a >> nth=0")
        await visit.page.wait_for_selector(".turns .turn .assistant")
        opacity = "getComputedStyle(document.querySelector('.turns .turn')).opacity"
        assert await visit.page.evaluate(opacity) == "1"
