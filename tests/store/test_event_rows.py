"""Events come back as they were, and add up to turns, sessions and conversations."""

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.conversation import Event, EventKind
from appliance.store.event_rows import encode
from appliance.store.store import Store

from .events import answered, event, said
from .exported import exported

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.text() | st.sampled_from(
    ["text", "language", "client_id", "route", "reason", "engines", "left_the_box"]
)
EVENTS = st.lists(
    st.builds(
        Event,
        kind=st.sampled_from(EventKind),
        conversation_id=st.sampled_from(["a", "b"]),
        session_id=st.sampled_from(["s", "t"]),
        at=st.floats(0, 1e10),
        turn=st.integers(0, 3),
        data=st.dictionaries(KEYS, JSON, max_size=4),
    ),
    max_size=12,
)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def values(stored: Event) -> tuple[Any, ...]:
    return (stored.kind, stored.session_id, stored.turn, stored.at, dict(stored.data))


@settings(max_examples=40, deadline=None)
@given(EVENTS)
async def test_events_are_returned_unchanged_and_in_order(events: list[Event]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = Store.open(Path(directory) / "voice.db")
        for each in events:
            store.append(each)
        await store.flush()
        listed = {summary.id for summary in await store.conversations()}
        assert listed == {each.conversation_id for each in events}
        for name in listed:
            kept = await store.conversation(name)
            back = [(EventKind(e.kind), e.session_id, e.turn, e.at, e.data) for e in kept.events]
            assert back == [values(each) for each in events if each.conversation_id == name]
            document = json.loads(await exported(store, name))
            assert [one["data"] for one in document["events"]] == [e.data for e in kept.events]
            await exported(store, name, "markdown")
        assert store.stats().failed == 0
        await store.close()


@given(
    st.recursive(
        st.none() | st.floats() | st.binary() | st.sets(st.integers()) | st.complex_numbers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.binary() | st.text(), inner),
        max_leaves=8,
    )
)
def test_data_that_is_not_json_is_simplified(data: object) -> None:
    encoded = encode(event(EventKind.ERROR, cause=data)).parameters["data"]
    assert "cause" in json.loads(encoded, parse_constant=refuse)


def test_data_that_contains_itself_is_cut_off() -> None:
    data: dict[str, Any] = {}
    data["self"] = data
    assert "…" in json.loads(encode(event(EventKind.ERROR, **data)).parameters["data"]).__repr__()


async def test_later_changes_of_the_data_have_no_effect(store: Store) -> None:
    data = {"text": "hello"}
    store.append(Event(EventKind.ANSWER, "c1", "s", 1.0, 1, data))
    data["text"] = "changed"
    await store.flush()
    assert (await store.recent_turns("c1", 1))[0].answer == "hello"


async def test_text_that_utf_8_cannot_encode_is_kept_in_the_event_and_found(store: Store) -> None:
    store.append(said("half a \ud800 pair and \0 nothing"))
    await store.flush()
    kept = await store.conversation("c1")
    assert kept.events[0].data["text"] == "half a \ud800 pair and \0 nothing"
    assert kept.turns[0].user_text == "half a ? pair and \0 nothing"
    assert len(await store.search("pair")) == 1


async def test_a_turn_adds_up_its_events(store: Store) -> None:
    store.append(event(EventKind.SESSION_STARTED, 1, client_id="me", route="local", language="en"))
    store.append(said("turn on", at=2))
    store.append(said("the light", at=3))
    store.append(answered("I will", at=4))
    store.append(event(EventKind.ROUTE_CHANGED, 5, 1, route="realtime", left_the_box=True))
    store.append(event(EventKind.ANSWER, 6, 1, text="do it.", engines={"tts": "espeak"}))
    store.append(event(EventKind.TURN_TIMINGS, 7, 1, stt_ms=90, total_ms=400.5))
    store.append(event(EventKind.SESSION_ENDED, 8, 1, reason="idle"))
    await store.flush()
    kept = await store.conversation("c1")
    (turn,) = kept.turns
    assert (turn.user_text, turn.answer) == ("turn on the light", "I will do it.")
    assert (turn.number, turn.started_at, turn.ended_at) == (1, 2, 7)
    assert (turn.route, turn.left_the_box) == ("realtime", True)
    assert turn.engines == {"tts": "espeak"}
    assert turn.timings == {"stt_ms": 90, "total_ms": 400.5}
    (session,) = kept.sessions
    assert (session.route, session.started_at, session.ended_at) == ("realtime", 1, 8)
    assert (session.client_id, session.reason) == ("me", "idle")
    summary = kept.summary
    assert (summary.title, summary.client_id, summary.language) == ("turn on", "me", "en")
    assert (summary.created_at, summary.updated_at, summary.turns) == (1, 8, 1)


async def test_a_turn_begins_on_the_route_of_its_session(store: Store) -> None:
    store.append(event(EventKind.SESSION_STARTED, route="local"))
    store.append(said("hello"))
    await store.flush()
    (turn,) = await store.recent_turns("c1", 1)
    assert (turn.route, turn.left_the_box) == ("local", False)


async def test_a_long_first_sentence_makes_a_short_title(store: Store) -> None:
    store.append(said("so  many\nwords " * 20))
    await store.flush()
    (summary,) = await store.conversations()
    assert summary.title is not None
    assert summary.title.startswith("so many words so")
    assert len(summary.title) <= 80
