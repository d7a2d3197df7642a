"""Pairing: eight digits, shown on the device, exchanged once for a token.

Five tries at one code of 10^8 are a chance of 5 in 100 million; the back-off keeps one address
from spoiling codes as fast as they are made.
"""

import hmac
import ipaddress
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from appliance.access.tokens import Role
from appliance.errors import PairingRefused, TooManyRequests

DIGITS = 8
TRIES = 5
LONGEST_WAIT = 900.0  # seconds
FORGIVEN_AFTER = 900.0  # seconds without a wrong code, after the wait is over
ADDRESSES = 1024


@dataclass(slots=True)
class _Code:
    digits: str
    role: Role
    expires: float
    wrong: int = 0


@dataclass(slots=True)
class _Penalty:
    wrong: int = 0
    until: float = 0.0


class Pairing:
    """One code at a time: a new one replaces the old, so that there is only one to guess."""

    def __init__(self) -> None:
        self._code: _Code | None = None
        self._penalties: OrderedDict[str, _Penalty] = OrderedDict()

    def new_code(self, role: Role, ttl: float, now: float) -> str:
        """A code that works once, within `ttl` seconds."""
        digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        self._code = _Code(digits, role, now + ttl)
        return digits

    def is_open(self, now: float) -> bool:
        """Whether there is a code to redeem."""
        return self._live(now) is not None

    def redeem(self, code: str, address: str, now: float) -> Role:
        """The role that comes with the right code, which is then used up.

        Raises TooManyRequests while `address` has to wait (after n wrong codes in a row 2^n
        seconds, up to 15 minutes), and PairingRefused, which does not say whether the code is
        wrong, expired, used or was never there.
        """
        place = network(address)
        self._check_penalty(place, now)
        live = self._live(now)
        # Compared even where there is no code, so that time does not tell.
        right = hmac.compare_digest(_normal(code), (live.digits if live else "-").encode())
        if live is not None and right:
            self._code = None
            self._penalties.pop(place, None)
            return live.role
        self._punish(place, now)
        if live is not None:
            live.wrong += 1
            if live.wrong >= TRIES:
                self._code = None
        raise PairingRefused("this code does not work")

    def _live(self, now: float) -> _Code | None:
        if self._code is not None and now >= self._code.expires:
            self._code = None
        return self._code

    def _check_penalty(self, place: str, now: float) -> None:
        penalty = self._penalties.get(place)
        if penalty is None:
            return
        if now < penalty.until:
            wait = penalty.until - now
            raise TooManyRequests(
                "too many wrong codes came from this address",
                retry_after=wait,
                advice=f"Wait {wait:.0f} seconds, then enter a new code from `appliance pair`.",
            )
        if now >= penalty.until + FORGIVEN_AFTER:
            del self._penalties[place]

    def _punish(self, place: str, now: float) -> None:
        penalty = self._penalties.setdefault(place, _Penalty())
        self._penalties.move_to_end(place)
        penalty.wrong += 1
        # Beyond 2^10 it is the longest wait anyway; the bound keeps the power small.
        penalty.until = now + min(2.0 ** min(penalty.wrong, 10), LONGEST_WAIT)
        if len(self._penalties) > ADDRESSES:
            self._penalties.popitem(last=False)


def network(address: str) -> str:
    """What counts as one address: an IPv6 host may take any of its /64 as it likes."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _normal(code: str) -> bytes:
    """People type the spaces and dashes that make a long number readable."""
    return "".join(sign for sign in code if sign not in " -\u00a0").encode("utf-8", "replace")
