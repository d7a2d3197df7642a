"""Who gets in: routes and roles, tokens, names of hosts and pages, and paths."""

import re

import aiohttp

from appliance.access.tokens import Role, reaches
from appliance.api.middleware import COOKIE
from tests.api.test_clients import GUARDED, paired
from tests.campaign.row import Row, Trial
from tests.daemon import Daemon, running
from tests.stranger import ask

PAIRED = {"APPLIANCE__ACCESS__MODE": "paired"}


async def run_matrix(trial: Trial) -> None:
    async with running(trial.directory, PAIRED) as daemon:
        strangers: dict[str, tuple[Role | None, dict[str, str]]] = {
            "nobody": (None, {"Origin": daemon.base_url}),
            "a wrong token": (None, {"Authorization": "Bearer wrong", "Origin": daemon.base_url}),
            "a wrong cookie": (None, {"Cookie": f"{COOKIE}=wrong", "Origin": daemon.base_url}),
        }
        for role in Role:
            _, bearer = await paired(daemon, role)
            strangers[role] = (role, bearer)
        for who, (rank, headers) in strangers.items():
            for route in GUARDED:
                with trial.judged(f"{who}: {route.method} {route.path}"):
                    path = re.sub(r"\{\w+\}", "nobody", route.path)
                    # A body that every route rejects: nothing is started or changed.
                    answer = await ask(daemon, route.method, path, data=b"[", headers=headers)
                    allowed = rank is not None and reaches(rank, route.role or Role.GUEST)
                    assert (answer.status not in (401, 403)) is allowed, answer.status
                    assert answer.status != 500, answer.text


async def run_tokens(trial: Trial) -> None:
    async with running(trial.directory, PAIRED) as daemon:
        _, bearer = await paired(daemon, Role.ADMIN)
        true = bearer["Authorization"].removeprefix("Bearer ")
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            for number in trial.rounds():
                with trial.judged(f"token {number}"):
                    status = await status_of(http, daemon, forged(trial, true))
                    assert status in (400, 401, 429), status
        assert (await ask(daemon, "GET", "/api/me", headers=bearer)).status == 200


def forged(trial: Trial, true: str) -> str:
    """Returns a token of the right form, or the true one with a letter changed, added or lost."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    dice = trial.dice
    place = dice.randrange(len(true))
    other = dice.choice(letters.replace(true[place], ""))
    return dice.choice(
        (
            "".join(dice.choices(letters, k=len(true))),
            true[:place] + other + true[place + 1 :],
            true[:place],
            true + other,
            true.swapcase(),
        )
    )


async def status_of(http: aiohttp.ClientSession, daemon: Daemon, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    async with http.get(f"{daemon.base_url}/api/me", headers=headers) as answer:
        return answer.status


MATRIX = Row(
    name="routes-and-roles",
    done="every guarded route as every role, as nobody, and with a wrong token and cookie",
    unit="requests",
    lost="a route that a role below its own gets through, or above is refused; a 500",
    n=(3 + len(Role)) * len(GUARDED),
    run=run_matrix,
)
TOKENS = Row(
    name="tokens",
    done="random tokens, and an administrator's with a letter changed, added or lost",
    unit="tokens",
    lost="one that is let in",
    n=10_000,
    run=run_tokens,
)
