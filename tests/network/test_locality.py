"""Hosts are classified by their addresses; names are resolved."""

import socket

import pytest

from appliance.network.addresses import Locality, locality_of_host, locality_of_url

MACHINE, NETWORK, ELSEWHERE = Locality.MACHINE, Locality.NETWORK, Locality.ELSEWHERE


@pytest.mark.parametrize(
    ("host", "place"),
    [
        *[
            (host, MACHINE)
            for host in ("127.0.0.1", "127.8.8.8", "::1", "[::1]", "::ffff:127.0.0.1")
        ],
        *[(host, MACHINE) for host in ("localhost", "LOCALHOST.", "model.localhost", "127.1")],
        *[(host, NETWORK) for host in ("10.0.0.5", "192.168.1.5", "172.31.0.1", "169.254.7.7")],
        *[(host, NETWORK) for host in ("fd00::5", "fe80::1", "fe80::1%eth0", "::ffff:10.0.0.5")],
        *[(host, NETWORK) for host in ("100.64.0.9", "model.local", "Model.Local.")],
        *[(host, ELSEWHERE) for host in ("8.8.8.8", "172.32.0.1", "2001:4860::1", "")],
        *[
            (host, ELSEWHERE)
            for host in ("model.invalid", "localhost.invalid", "\u0000", "a" * 300)
        ],
    ],
)
def test_addresses_and_reserved_names(host: str, place: Locality) -> None:
    assert locality_of_host(host) is place


@pytest.mark.parametrize(
    ("addresses", "place"),
    [
        (["192.168.1.5"], NETWORK),
        (["192.168.1.5", "2003:c5::5"], NETWORK),  # a machine at home with a global address too
        (["127.0.0.1", "::1"], MACHINE),
        (["127.0.0.1", "192.168.1.5"], NETWORK),
        (["93.184.216.34"], ELSEWHERE),
    ],
)
def test_names_by_the_addresses_to_which_they_resolve(
    addresses: list[str], place: Locality, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(0, 0, 0, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
    assert locality_of_url("http://nas.fritz.box:11434/v1") is place
