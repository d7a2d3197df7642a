"""The audience: empty until sessions can open, and without guests where they must not listen."""

from collections.abc import Collection
from typing import Any

from appliance.access.tokens import Role
from appliance.app.audience import Audience
from appliance.conversation import Task, TaskState
from appliance.event_hub import EventHub, Subscription
from appliance.wire import AgentSaidMessage, ServerMessage

TASK = Task("t1", "claude", "do it", TaskState.DONE, created_at=1.0, updated_at=2.0)
MESSAGE = AgentSaidMessage("team", "half done")


class Sessions:
    """The sessions of one guest and one user, which note what they are sent."""

    open_count = 2
    idle = False

    def __init__(self) -> None:
        self.sent: list[tuple[str, ServerMessage]] = []
        self.hearers: Collection[str] = ()

    def clients(self) -> frozenset[str]:
        return frozenset({"guest", "user"})

    def send_message(self, message: ServerMessage, client_id: str = "") -> None:
        self.sent.append((client_id, message))

    async def say_at_pause(self, text: str, task: Task, hearers: Collection[str]) -> bool:
        self.hearers = hearers
        return True


async def is_guest(client_id: str) -> bool:
    return client_id == "guest"


async def test_before_the_pipeline_is_loaded_nobody_hears_anything() -> None:
    audience = Audience(is_guest, EventHub())
    assert (audience.open_count, audience.idle) == (0, True)
    audience.send_message(MESSAGE)
    await audience.send_to_users(MESSAGE)
    audience.engines_changed()
    await audience.end_conversation("c1")
    assert not await audience.ring(str, MESSAGE)
    assert not await audience.say_at_pause("Claude has finished.", TASK)


async def test_guests_hear_nothing_of_agents() -> None:
    audience = Audience(is_guest, EventHub())
    sessions: Any = Sessions()
    audience.admit(sessions)
    assert (audience.open_count, audience.idle) == (2, False)
    await audience.send_to_users(MESSAGE)
    assert sessions.sent == [("user", MESSAGE)]
    assert await audience.say_at_pause("Claude has finished.", TASK)
    assert set(sessions.hearers) == {"user"}


async def test_other_messages_reach_every_page() -> None:
    audience = Audience(is_guest, EventHub())
    sessions: Any = Sessions()
    audience.admit(sessions)
    audience.send_message(MESSAGE)
    audience.send_message(MESSAGE, "guest")
    assert sessions.sent == [("", MESSAGE), ("guest", MESSAGE)]


async def test_open_pages_are_told_what_is_for_their_client() -> None:
    hub = EventHub()
    audience = Audience(is_guest, hub)
    with (
        hub.subscribed("guest", Role.GUEST) as guest,
        hub.subscribed("user", Role.USER) as user,
        hub.subscribed("admin", Role.ADMIN) as admin,
    ):
        await audience.send_to_users(AgentSaidMessage("team", "for users"))
        audience.send_message(AgentSaidMessage("team", "for the guest"), "guest")
        audience.send_message(AgentSaidMessage("team", "for the user"), "user")
        audience.send_message(AgentSaidMessage("team", "for all"))
        audience.engines_changed()
        await audience.ring(str, AgentSaidMessage("team", "it rings"))
        hub.close()
        heard = [await told(page) for page in (guest, user, admin)]
    for_all = ["for all", "engines", "it rings"]
    assert heard == [
        ["for the guest", *for_all],
        ["for users", "for the user", *for_all],
        ["for users", "for the guest", "for the user", *for_all],
    ]


async def told(page: Subscription) -> list[str]:
    """The texts of what a page was told, until its connection ended; else the topics."""
    found = []
    while event := await page.next():
        found.append(str(event.data.get("text", event.topic)))
    return found
