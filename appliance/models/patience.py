"""How long to wait before asking again, and when to give up. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

ATTEMPTS: Final = 6
"""In a row that bring nothing new; with the pauses between them, a quarter of a minute."""
LONGEST: Final = 300.0
"""Seconds; a server that wants more is one to come back to another day."""
_FIRST, _SLOWEST = 0.5, 8.0

# Answers that may be another one a little later: timed out, too early, too many, out of order.
PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


def pause(fruitless: int, asked: float | None) -> float:
    """Seconds to wait after that many attempts without a new byte, the server's wish included."""
    own = min(_SLOWEST, _FIRST * float(2 ** max(0, fruitless - 1)))
    return own if asked is None else max(own, asked)


def wished(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds that a Retry-After asks for, as a number or as a date; None without one."""
    text = headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
