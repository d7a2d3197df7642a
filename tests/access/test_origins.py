"""Origin and Host headers: which pages may use the appliance, and under which names."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.access.origins import (
    host_allowed,
    is_this_machine,
    normalised_origin,
    origin_allowed,
)

HOSTS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{2,5})?", fullmatch=True)
PORTS = st.integers(1, 65535)


@given(HOSTS, PORTS, st.sampled_from(["http", "https"]))
def test_the_own_page_is_allowed(host: str, port: int, scheme: str) -> None:
    assert origin_allowed(f"{scheme}://{host}:{port}", f"{host.upper()}:{port}")
    assert origin_allowed(f"{scheme}://{host}", f"{host}.", scheme=scheme)


@given(HOSTS, HOSTS, PORTS, PORTS)
def test_any_other_page_is_refused(host: str, other: str, port: int, other_port: int) -> None:
    if (host, port) != (other, other_port):
        assert not origin_allowed(f"https://{other}:{other_port}", f"{host}:{port}")


@given(st.text())
@example("null")
@example("https://jetson.local@evil.example")
@example("https://evil.example#jetson.local")
@example("https://jetson.local/path")
@example("https://jetson.local.evil.example")
@example("https://jetson.local:99999")
@example("https://[::1")
@example("file://jetson.local")
@example("")
def test_no_arbitrary_text_is_an_allowed_origin(origin: str) -> None:
    assert not origin_allowed(origin, "jetson.local", ["https://friend.local"], bearer=True)


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "allowed"),
    [
        ("https://jetson.local", "jetson.local:443", None, True),
        ("https://jetson.local:443", "jetson.local", None, True),
        ("https://[fd00::1]:8443", "[fd00::1]:8443", None, True),
        ("http://jetson.local", "jetson.local", "https", False),
        ("http://jetson.local", "jetson.local:443", None, False),
        ("https://friend.local:8443", "jetson.local", "https", True),
        ("https://friend.local", "jetson.local", "https", False),
        ("https://jetson.local", "jetson.local/../evil", None, False),
    ],
)
def test_ports_schemes_and_configured_origins(
    origin: str, host: str, scheme: str | None, allowed: bool
) -> None:
    extra = ["https://friend.local:8443/"]
    assert origin_allowed(origin, host, extra, scheme=scheme) is allowed


@pytest.mark.parametrize(
    ("origin", "written"),
    [
        ("https://Box.lan:443/", "https://box.lan"),
        ("http://box_1.lan:8080", "http://box_1.lan:8080"),
        ("HTTP://[FD00::1]:80", "http://[fd00::1]"),
        ("https://box.lan:8443/page", None),
        ("https://box.lan;return", None),
        ('https://box"lan', None),
        ("https://*.lan", None),
        ("box.lan", None),
        ("", None),
    ],
)
def test_an_origin_is_normalised_as_a_browser_sends_it(origin: str, written: str | None) -> None:
    assert normalised_origin(origin) == written


@given(HOSTS, PORTS, st.sampled_from(["http", "https"]))
def test_a_normalised_origin_allows_the_same_page(host: str, port: int, scheme: str) -> None:
    written = normalised_origin(f"{scheme.upper()}://{host.title()}:{port}//")
    assert written is not None
    assert normalised_origin(written) == written
    assert origin_allowed(f"{scheme}://{host}:{port}", "box.lan", [written], scheme=scheme)


def test_without_an_origin_a_token_is_needed() -> None:
    assert not origin_allowed(None, "jetson.local")
    assert origin_allowed(None, "jetson.local", bearer=True)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("jetson.local", True),
        ("JETSON.local.:8443", True),
        ("localhost:8080", True),
        ("10.77.0.2", True),
        ("[fd00::1]:8443", True),
        ("evil.example", False),
        ("jetson.local.evil.example", False),
        ("10.77.0.2.evil.example", False),
        ("[::1]evil.example", False),
        ("evil.example[::1]", False),
        ("[::1]", True),
        ("jetson.local@evil.example", False),
        ("", False),
    ],
)
def test_only_own_names_and_addresses_are_allowed_hosts(host: str, allowed: bool) -> None:
    assert host_allowed(host, ["jetson.local", "jetson"]) is allowed


@given(st.text())
def test_no_host_raises_an_exception(host: str) -> None:
    host_allowed(host, [])
    origin_allowed("https://jetson.local", host)


@pytest.mark.parametrize(
    ("host", "same"),
    [
        ("localhost:8080", True),
        ("LOCALHOST.", True),
        ("127.0.0.9:1", True),
        ("[::1]:8443", True),
        ("192.168.1.20", False),
        ("localhost.evil.example", False),
        ("somebody@localhost", False),
        ("", False),
    ],
)
def test_a_browser_on_the_machine_itself_is_known_by_its_host(host: str, same: bool) -> None:
    assert is_this_machine(host) is same
