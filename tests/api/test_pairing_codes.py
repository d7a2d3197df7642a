"""Pairing codes that an administrator makes on the page."""

import re

import pytest

from tests.api.test_clients import paired, redeem
from tests.daemon import Daemon
from tests.stranger import ask

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_code_made_on_the_page_pairs_a_device_once(paired_daemon: Daemon) -> None:
    _, admin = await paired(paired_daemon, "admin")
    made = await ask(
        *(paired_daemon, "POST", "/api/pairing-codes"),
        body={"role": "guest", "minutes": 2},
        headers=admin | {"Origin": paired_daemon.base_url},
    )
    assert (made.status, made.json["role"], made.json["expires_in"]) == (201, "guest", 120)
    assert made.headers["Cache-Control"] == "no-store"
    assert made.json["link"] == f"{paired_daemon.base_url}/#pair={made.json['code']}"
    assert re.fullmatch(r"(M\d+ \d+h\d+v1h-\d+z)+", made.json["qr"]["path"])
    first = await redeem(paired_daemon, made.json["code"], "192.0.2.110")
    assert (first.status, first.json["client"]["role"]) == (200, "guest")
    again = await redeem(paired_daemon, made.json["code"], "192.0.2.111")
    assert (again.status, again.code) == (403, "pairing_refused")


async def test_open_codes_are_listed_without_digits_and_revoked(paired_daemon: Daemon) -> None:
    _, admin = await paired(paired_daemon, "admin")
    made = await ask(paired_daemon, "POST", "/api/pairing-codes", headers=admin)
    assert (made.json["role"], made.json["expires_in"]) == ("user", 300)
    listed = await ask(paired_daemon, "GET", "/api/pairing-codes", headers=admin)
    assert made.json["id"] in [code["id"] for code in listed.json["codes"]]
    assert made.json["code"] not in listed.text
    place = f"/api/pairing-codes/{made.json['id']}"
    assert (await ask(paired_daemon, "DELETE", place, headers=admin)).status == 204
    again = await ask(paired_daemon, "DELETE", place, headers=admin)
    assert (again.status, again.code) == (404, "not_found")
    refused = await redeem(paired_daemon, made.json["code"], "192.0.2.112")
    assert (refused.status, refused.code) == (403, "pairing_refused")


@pytest.mark.parametrize("body", [{"role": "king"}, {"minutes": 0}, {"minutes": 1e6}, {"x": 1}])
async def test_a_wrong_wish_makes_no_code(paired_daemon: Daemon, body: dict[str, object]) -> None:
    _, admin = await paired(paired_daemon, "admin")
    before = await ask(paired_daemon, "GET", "/api/pairing-codes", headers=admin)
    made = await ask(paired_daemon, "POST", "/api/pairing-codes", body=body, headers=admin)
    assert (made.status, made.code) == (400, "bad_request")
    after = await ask(paired_daemon, "GET", "/api/pairing-codes", headers=admin)
    assert len(after.json["codes"]) == len(before.json["codes"])


async def test_a_slip_of_the_finger_costs_no_wait(paired_daemon: Daemon) -> None:
    _, admin = await paired(paired_daemon, "admin")
    made = await ask(paired_daemon, "POST", "/api/pairing-codes", headers=admin)
    wrong = f"{(int(made.json['code']) + 1) % 10**8:08}"
    assert (await redeem(paired_daemon, wrong, "192.0.2.113")).code == "pairing_refused"
    assert (await redeem(paired_daemon, made.json["code"], "192.0.2.113")).status == 200
