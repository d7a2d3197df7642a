"""Pairs clients: eight digits, shown on the device, are exchanged once for a token.

Five tries at one of 10^8 codes succeed with a chance of 5 in 100 million. The back-off keeps an
address from using up the tries of each new code at once.
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
ADDRESSES = 1024  # the number of addresses whose wrong codes are remembered


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
    """Issues and redeems codes, one at a time: a new code replaces the old one."""

    def __init__(self) -> None:
        self._code: _Code | None = None
        self._penalties: OrderedDict[str, _Penalty] = OrderedDict()

    def new_code(self, role: Role, ttl: float, now: float) -> str:
        """Returns a code that works once, within `ttl` seconds."""
        digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        self._code = _Code(digits, role, now + ttl)
        return digits

    def is_open(self, now: float) -> bool:
        """Whether there is a code to redeem."""
        return self._live(now) is not None

    def redeem(self, code: str, address: str, now: float) -> Role:
        """Uses the code up and returns the role that comes with it.

        Raises TooManyRequests while `address` has to wait (2^n seconds after n wrong codes in a
        row, up to 15 minutes). Raises PairingRefused without saying whether the code is wrong,
        expired, used, or was never issued.
        """
        source = client_network(address)
        self._check_penalty(source, now)
        live = self._live(now)
        # Compared even where there is no code, so that the time taken reveals nothing.
        right = hmac.compare_digest(_digits(code), (live.digits if live else "-").encode())
        if live is not None and right:
            self._code = None
            self._penalties.pop(source, None)
            return live.role
        self._add_penalty(source, now)
        if live is not None:
            live.wrong += 1
            if live.wrong >= TRIES:
                self._code = None
        raise PairingRefused("this code does not work")

    def _live(self, now: float) -> _Code | None:
        if self._code is not None and now >= self._code.expires:
            self._code = None
        return self._code

    def _check_penalty(self, source: str, now: float) -> None:
        penalty = self._penalties.get(source)
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
            del self._penalties[source]

    def _add_penalty(self, source: str, now: float) -> None:
        penalty = self._penalties.setdefault(source, _Penalty())
        self._penalties.move_to_end(source)
        penalty.wrong += 1
        # 2^10 exceeds the longest wait already; the bound keeps the number small.
        penalty.until = now + min(2.0 ** min(penalty.wrong, 10), LONGEST_WAIT)
        if len(self._penalties) > ADDRESSES:
            self._penalties.popitem(last=False)


def client_network(address: str) -> str:
    """Returns what counts as one client address: for IPv6 the /64, which a host may use freely."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _digits(code: str) -> bytes:
    """Removes the spaces and dashes that people type to make a long number readable."""
    return "".join(sign for sign in code if sign not in " -\u00a0").encode("utf-8", "replace")
