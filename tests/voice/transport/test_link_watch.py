"""Only a client that promised to go on sending is taken for dead when it is silent."""

from appliance.voice.transport.link_watch import SILENT_SECONDS, LinkWatch

LATER = 100.0 + SILENT_SECONDS + 0.1


def watch(*, ping: bool, audio: bool) -> LinkWatch:
    link = LinkWatch()
    link.heard(99.0, ping=ping)
    link.heard(100.0, audio=audio)
    return link


def test_a_page_that_pings_and_streams_is_dead_after_five_seconds_of_silence() -> None:
    link = watch(ping=True, audio=True)
    assert not link.is_dead(100.0 + SILENT_SECONDS)
    assert link.is_dead(LATER)
    assert SILENT_SECONDS < 5


def test_anything_that_arrives_is_a_sign_of_life() -> None:
    link = watch(ping=True, audio=True)
    link.heard(LATER - 1)
    assert not link.is_dead(LATER)


def test_a_client_without_pings_or_without_a_microphone_may_be_silent_for_ever() -> None:
    for link in (LinkWatch(), watch(ping=True, audio=False), watch(ping=False, audio=True)):
        assert not link.is_dead(1e9)
