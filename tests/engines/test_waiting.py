from hypothesis import given
from hypothesis import strategies as st

from appliance.engines import Priority, Ticket
from appliance.engines.waiting import Place, WaitingLine

PLACES = st.lists(
    st.builds(
        Place,
        st.builds(Ticket, st.sampled_from(Priority), st.none() | st.floats(0, 10, allow_nan=False)),
        st.none() | st.sampled_from("ab"),
    ),
    max_size=12,
)


def line_of(places: list[Place]) -> WaitingLine[Place]:
    line: WaitingLine[Place] = WaitingLine()
    for place in places:
        line.add(place)
    return line


@given(PLACES, st.floats(0, 10), st.integers(1, 4))
def test_everybody_is_served_once_or_told_once(places: list[Place], now: float, most: int) -> None:
    line = line_of(places)
    gone: list[Place] = []
    while len(line):
        taken = line.take(now, most)
        assert taken.batch or taken.late
        gone += [*taken.batch, *taken.late]
    assert sorted(map(id, gone)) == sorted(map(id, places))
    assert line.take(now, most) == line.take(now, most)


@given(PLACES, st.floats(0, 10), st.integers(1, 4))
def test_the_first_is_the_most_urgent_and_among_equals_the_first_to_come(
    places: list[Place], now: float, most: int
) -> None:
    taken = line_of(places).take(now, most)
    in_time = [place for place in places if place not in taken.late]
    if not in_time:
        assert taken.batch == ()
        return
    first = taken.batch[0]
    assert first.ticket.priority == min(place.ticket.priority for place in in_time)
    before = in_time[: in_time.index(first)]
    assert all(place.ticket.priority > first.ticket.priority for place in before)


@given(PLACES, st.floats(0, 10))
def test_late_is_what_could_not_begin_by_its_deadline(places: list[Place], now: float) -> None:
    deadlines = [(place, place.ticket.deadline) for place in places]
    late = [place for place, deadline in deadlines if deadline is not None and deadline <= now]
    assert list(line_of(places).take(now, 1).late) == late


@given(PLACES, st.integers(1, 4))
def test_a_batch_is_of_equals_in_the_order_in_which_they_came(
    places: list[Place], most: int
) -> None:
    taken = line_of(places).take(-1, most)
    assert len(taken.batch) <= most
    for one in taken.batch[1:]:
        assert one.group == taken.batch[0].group is not None
        assert one.ticket.priority == taken.batch[0].ticket.priority
    order = [places.index(place) for place in taken.batch]
    assert order == sorted(order)
    if len(taken.batch) < most and taken.batch and taken.batch[0].group is not None:
        first = taken.batch[0]
        alike = [
            p
            for p in places
            if (p.group, p.ticket.priority) == (first.group, first.ticket.priority)
        ]
        assert list(taken.batch) == alike


def test_a_ticket_may_change_while_it_waits() -> None:
    patient, other = Place(Ticket(Priority.LATER)), Place(Ticket(Priority.AHEAD))
    line = line_of([other, patient])
    patient.ticket.priority = Priority.NOW
    assert line.take(0, 1).batch == (patient,)
    assert line.take(0, 1).batch == (other,)


def test_who_leaves_is_not_served() -> None:
    one, two = Place(Ticket()), Place(Ticket())
    line = line_of([one, two])
    assert line.remove(one)
    assert not line.remove(one)
    assert line.take(0, 9).batch == (two,)
    line.add(one)
    assert line.clear() == (one,)
    assert len(line) == 0
