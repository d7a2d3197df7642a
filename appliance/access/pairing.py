"""Pairs clients: eight digits, shown on the device or the page, are exchanged once for a token.

An address has five tries at a code, so that nobody's wrong ones spoil it for the owner. Those of
all addresses together end it: 500 tries at five codes of 10^8 succeed with a chance of 1 in 40,000.
The back-off keeps an address from using up its tries at each new code at once.
"""

import hmac
import ipaddress
import math
import secrets
from collections import Counter, OrderedDict
from dataclasses import dataclass, field

from appliance.access.tokens import Role
from appliance.errors import PairingRefused, TooManyRequests

DIGITS = 8
TRIES = 5  # of an address at a code
ALL_TRIES = 500  # of all addresses together at a code
OPEN_CODES = 5  # at once; one more replaces the oldest
FREE_TRIES = 2  # a slip of the finger costs no wait: a person who mistyped tries again at once
LONGEST_WAIT = 900.0  # seconds
FORGIVEN_AFTER = 900.0  # seconds without a wrong code, after the wait is over
ADDRESSES = 1024  # the number of addresses whose wrong codes are remembered


@dataclass(frozen=True, slots=True)
class OpenCode:
    """A code that can still be redeemed, without its digits."""

    id: str
    role: Role
    expires_in: float


@dataclass(frozen=True, slots=True)
class IssuedCode(OpenCode):
    """A code that was just made, with its digits."""

    digits: str


@dataclass(slots=True)
class _Code:
    id: str
    digits: str
    role: Role
    expires: float
    wrong: Counter[str] = field(default_factory=Counter)  # by the network that sent them

    def works_for(self, source: str) -> bool:
        return self.wrong[source] < TRIES


@dataclass(slots=True)
class _Penalty:
    wrong: int = 0
    until: float = 0.0


class Pairing:
    """Issues, revokes and redeems codes, at most OPEN_CODES at a time."""

    def __init__(self) -> None:
        self._codes: list[_Code] = []
        self._penalties: OrderedDict[str, _Penalty] = OrderedDict()

    def new_code(self, role: Role, ttl: float, now: float) -> IssuedCode:
        """Returns a code that works once, within `ttl` seconds."""
        live = self._live(now)
        digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        while any(code.digits == digits for code in live):
            digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        made = _Code(secrets.token_hex(4), digits, role, now + ttl)
        self._codes = [*live, made][-OPEN_CODES:]
        return IssuedCode(made.id, role, ttl, digits)

    def open_codes(self, now: float) -> list[OpenCode]:
        """Returns the codes that can be redeemed, oldest first."""
        return [OpenCode(code.id, code.role, code.expires - now) for code in self._live(now)]

    def revoke(self, code_id: str, now: float) -> bool:
        """Makes a code useless; False where there is no such open code."""
        live = self._live(now)
        self._codes = [code for code in live if code.id != code_id]
        return len(self._codes) < len(live)

    def redeem(self, code: str, address: str, now: float) -> Role:
        """Uses the code up and returns the role that comes with it.

        Raises TooManyRequests while `address` has to wait: after two wrong codes in a row, 2^n
        seconds for the n-th beyond them, up to 15 minutes. Raises PairingRefused without saying
        whether the code is wrong, expired, used, was never issued, or works for others only.
        """
        source = client_network(address)
        self._check_penalty(source, now)
        typed, live = _digits(code), self._live(now)
        # All are compared, and one even where there is none, so that the time reveals nothing.
        digits = [one.digits.encode() for one in live] or [b"-"]
        matching = [hmac.compare_digest(typed, each) for each in digits]
        found = live[matching.index(True)] if live and any(matching) else None
        if found and found.works_for(source):
            self._codes.remove(found)
            self._penalties.pop(source, None)
            return found.role
        self._add_penalty(source, now)
        for one in live:
            one.wrong[source] += 1
        self._codes = [one for one in live if one.wrong.total() < ALL_TRIES]
        raise PairingRefused("this code does not work")

    def _live(self, now: float) -> list[_Code]:
        self._codes = [code for code in self._codes if now < code.expires]
        return self._codes

    def _check_penalty(self, source: str, now: float) -> None:
        penalty = self._penalties.get(source)
        if penalty is None:
            return
        if now < penalty.until:
            wait = penalty.until - now
            raise TooManyRequests(
                "too many wrong codes came from this address",
                retry_after=wait,
                advice=f"Wait {_in_seconds(wait)}, then enter the code again, or a new one.",
            )
        if now >= penalty.until + FORGIVEN_AFTER:
            del self._penalties[source]

    def _add_penalty(self, source: str, now: float) -> None:
        penalty = self._penalties.setdefault(source, _Penalty())
        self._penalties.move_to_end(source)
        penalty.wrong += 1
        # 2^10 exceeds the longest wait already; the bound keeps the number small.
        beyond = min(penalty.wrong - FREE_TRIES, 10)
        penalty.until = now + (min(2.0**beyond, LONGEST_WAIT) if beyond > 0 else 0.0)
        if len(self._penalties) > ADDRESSES:
            self._penalties.popitem(last=False)


def _in_seconds(wait: float) -> str:
    """Returns a wait in whole seconds, rounded up: nobody is sent back too early."""
    seconds = math.ceil(wait)
    return "1 second" if seconds == 1 else f"{seconds} seconds"


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
