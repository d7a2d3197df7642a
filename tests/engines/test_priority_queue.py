"""The queue of the requests that wait for an engine."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.engines import Priority, Ticket
from appliance.engines.worker import PriorityQueue, QueuedRequest

REQUESTS = st.lists(
    st.builds(
        QueuedRequest,
        st.builds(Ticket, st.sampled_from(Priority), st.none() | st.floats(0, 10, allow_nan=False)),
        st.none() | st.sampled_from("ab"),
    ),
    max_size=12,
)


def queue_of(requests: list[QueuedRequest]) -> PriorityQueue[QueuedRequest]:
    queue: PriorityQueue[QueuedRequest] = PriorityQueue()
    for request in requests:
        queue.add(request)
    return queue


@given(REQUESTS, st.floats(0, 10), st.integers(1, 4))
def test_every_request_is_served_or_expires_once(
    requests: list[QueuedRequest], now: float, max_batch: int
) -> None:
    queue = queue_of(requests)
    gone: list[QueuedRequest] = []
    while len(queue):
        taken = queue.take(now, max_batch)
        assert taken.batch or taken.expired
        gone += [*taken.batch, *taken.expired]
    assert sorted(map(id, gone)) == sorted(map(id, requests))
    assert queue.take(now, max_batch) == queue.take(now, max_batch)


@given(REQUESTS, st.floats(0, 10), st.integers(1, 4))
def test_the_most_urgent_request_is_first_and_equals_keep_their_order(
    requests: list[QueuedRequest], now: float, max_batch: int
) -> None:
    taken = queue_of(requests).take(now, max_batch)
    in_time = [request for request in requests if request not in taken.expired]
    if not in_time:
        assert taken.batch == ()
        return
    first = taken.batch[0]
    assert first.ticket.priority == min(request.ticket.priority for request in in_time)
    before = in_time[: in_time.index(first)]
    assert all(request.ticket.priority > first.ticket.priority for request in before)


@given(REQUESTS, st.floats(0, 10))
def test_requests_expire_at_their_deadline(requests: list[QueuedRequest], now: float) -> None:
    deadlines = [(request, request.ticket.deadline) for request in requests]
    expired = [
        request for request, deadline in deadlines if deadline is not None and deadline <= now
    ]
    assert list(queue_of(requests).take(now, 1).expired) == expired


@given(REQUESTS, st.integers(1, 4))
def test_a_batch_is_of_equals_in_order_of_arrival(
    requests: list[QueuedRequest], max_batch: int
) -> None:
    taken = queue_of(requests).take(-1, max_batch)
    assert len(taken.batch) <= max_batch
    for one in taken.batch[1:]:
        assert one.group == taken.batch[0].group is not None
        assert one.ticket.priority == taken.batch[0].ticket.priority
    order = [requests.index(request) for request in taken.batch]
    assert order == sorted(order)
    if len(taken.batch) < max_batch and taken.batch and taken.batch[0].group is not None:
        first = taken.batch[0]
        alike = [
            p
            for p in requests
            if (p.group, p.ticket.priority) == (first.group, first.ticket.priority)
        ]
        assert list(taken.batch) == alike


def test_a_ticket_may_change_while_it_waits() -> None:
    waiting, other = QueuedRequest(Ticket(Priority.LATER)), QueuedRequest(Ticket(Priority.AHEAD))
    queue = queue_of([other, waiting])
    waiting.ticket.priority = Priority.NOW
    assert queue.take(0, 1).batch == (waiting,)
    assert queue.take(0, 1).batch == (other,)


def test_a_removed_request_is_not_served() -> None:
    one, two = QueuedRequest(Ticket()), QueuedRequest(Ticket())
    queue = queue_of([one, two])
    assert queue.remove(one)
    assert not queue.remove(one)
    assert queue.take(0, 9).batch == (two,)
    queue.add(one)
    assert queue.clear() == (one,)
    assert len(queue) == 0
