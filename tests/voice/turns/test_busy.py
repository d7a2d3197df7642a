"""A share of the time, of which what was long ago fades."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.voice.turns.busy import LATELY_SECONDS, Utilisation


@given(
    share=st.floats(0.05, 0.95),
    period=st.floats(0.02, 0.2),
)
def test_the_share_is_that_of_the_time_at_work(share: float, period: float) -> None:
    busy, now = Utilisation(), 0.0
    while now < 10 * LATELY_SECONDS:
        now += period
        busy.worked(share * period, now)
    assert abs(busy.share(now) - share) < 0.1 * share
    assert busy.share(now + 5 * LATELY_SECONDS) < 0.01
