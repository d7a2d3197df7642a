"""The event hub: each page gets what it may see, in order; what it cannot take ends it."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from appliance.access.tokens import Role
from appliance.errors import TooManyRequests
from appliance.event_hub import MOST_PER_CLIENT, QUEUED, EventHub, LiveEvent, Subscription, Topic


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as entered:
        yield entered


def household(hub: EventHub, stack: ExitStack) -> dict[str, Subscription]:
    """One page for each role, whose client is called like it."""
    return {role: stack.enter_context(hub.subscribed(role, role)) for role in Role}


async def received(subscription: Subscription) -> list[LiveEvent]:
    """All that is queued; ends the subscription to know where that ends."""
    subscription.end()
    events = []
    while (event := await subscription.next()) is not None:
        events.append(event)
    return events


@pytest.mark.parametrize(
    ("owner", "minimum", "reached"),
    [
        ("", Role.GUEST, {"guest", "user", "admin"}),
        ("", Role.USER, {"user", "admin"}),
        ("", Role.ADMIN, {"admin"}),
        ("guest", Role.GUEST, {"guest", "admin"}),
        ("guest", Role.USER, {"admin"}),
        ("nobody", Role.GUEST, {"admin"}),
    ],
)
async def test_an_event_reaches_its_owner_administrators_and_nobody_below_its_role(
    stack: ExitStack, owner: str, minimum: Role, reached: set[str]
) -> None:
    hub = EventHub()
    pages = household(hub, stack)
    sent = hub.publish(Topic.TIMER, {"id": "t"}, owner=owner, minimum=minimum)
    assert sent == len(reached)
    got = {name for name, page in pages.items() if await received(page)}
    assert got == reached


async def test_events_keep_their_order(stack: ExitStack) -> None:
    hub = EventHub()
    page = stack.enter_context(hub.subscribed("c", Role.USER))
    for number in range(3):
        hub.publish(Topic.NOTICE, {"n": number})
    assert [event.data["n"] for event in await received(page)] == [0, 1, 2]


async def test_a_page_that_is_too_far_behind_is_ended(stack: ExitStack) -> None:
    hub = EventHub()
    page = stack.enter_context(hub.subscribed("c", Role.USER))
    for number in range(QUEUED + 5):
        hub.publish(Topic.NOTICE, {"n": number})
    assert len(await received(page)) == QUEUED


async def test_a_client_has_few_subscriptions_and_gets_their_places_back(stack: ExitStack) -> None:
    hub = EventHub()
    first = hub.subscribed("c", Role.USER)
    first.__enter__()
    for _ in range(MOST_PER_CLIENT - 1):
        stack.enter_context(hub.subscribed("c", Role.USER))
    with pytest.raises(TooManyRequests), hub.subscribed("c", Role.USER):
        pass
    stack.enter_context(hub.subscribed("another", Role.USER))
    stack.enter_context(hub.subscribed("c", Role.USER, "192.0.2.9"))
    first.__exit__(None, None, None)
    stack.enter_context(hub.subscribed("c", Role.USER))
    assert hub.count == MOST_PER_CLIENT + 2


async def test_a_revoked_client_and_a_closed_hub_end_subscriptions(stack: ExitStack) -> None:
    hub = EventHub()
    pages = household(hub, stack)
    hub.drop_client("user")
    assert await pages["user"].next() is None
    hub.publish(Topic.NOTICE, {})
    hub.close()
    assert [await pages["guest"].next(), await pages["guest"].next()] == [
        LiveEvent(Topic.NOTICE, {}),
        None,
    ]
    with pytest.raises(TooManyRequests), hub.subscribed("late", Role.ADMIN):
        pass
