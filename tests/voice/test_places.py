"""An offer lapses after a minute by a clock that nobody sets."""

import time

import pytest

from appliance.access.tokens import Role
from appliance.voice.places import OFFER_SECONDS, Places
from tests.voice.test_session import _session

DAY = 86_400.0


@pytest.mark.parametrize("set_by", [DAY, -3_600.0, 20 * 365 * DAY, -56 * 365 * DAY])
def test_an_offer_lapses_in_its_minute_however_the_clock_is_set(
    monkeypatch: pytest.MonkeyPatch, set_by: float
) -> None:
    now, session = 7.0, _session()
    places = Places(lambda: 1, lambda: False, lambda: now)
    places.offer(session, Role.USER)
    wrong = time.time() + set_by
    monkeypatch.setattr(time, "time", lambda: wrong)
    now += OFFER_SECONDS
    places.drop_expired_offers()
    assert list(places.sessions) == [session.session_id]
    now += 1
    places.drop_expired_offers()
    assert not places.sessions
