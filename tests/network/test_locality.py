"""Hosts are classified by their addresses; names are resolved."""

import socket
from pathlib import Path

import pytest

from appliance.network.addresses import (
    Locality,
    is_on_this_machine,
    locality_of_host,
)

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
    assert locality_of_host("nas.fritz.box") is place


@pytest.mark.parametrize(
    ("host", "here"),
    [
        *[(host, True) for host in ("127.0.0.1", "127.1", "[::1]", "localhost", "a.localhost.")],
        *[(host, True) for host in ("shelf", "Shelf.", "shelf.home")],
        *[(host, False) for host in ("192.168.1.5", "nas", "both", "odd", "api.openai.com", "")],
    ],
)
def test_this_machine_is_told_without_a_name_server(
    host: str, here: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "127.0.1.1 shelf.home Shelf # nas\n192.168.1.5 nas both\n127.0.0.1 both\nno-address odd\n"
    )
    look_up = socket.getaddrinfo

    def no_name_server(host: str, port: None, flags: int = 0) -> object:
        assert flags & socket.AI_NUMERICHOST
        return look_up(host, port, flags=flags)

    monkeypatch.setattr(socket, "getaddrinfo", no_name_server)
    assert is_on_this_machine(f"http://{host}:1/v1", hosts) is here


def test_without_a_hosts_file_a_name_is_elsewhere(tmp_path: Path) -> None:
    assert not is_on_this_machine("http://shelf/v1", tmp_path / "none")
