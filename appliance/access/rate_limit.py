"""Token buckets: one alone, and one for each key. Pure: time is an argument, in seconds."""

from collections import OrderedDict
from dataclasses import dataclass, field

# For a caller that comes back after exactly the wait it was given: the refill of that wait may
# fall short of a whole token by a rounding error.
TOLERANCE = 1e-7


@dataclass(slots=True)
class TokenBucket:
    """A bucket of `capacity` tokens, full at first, that refills by `rate` tokens a second.

    `now` is in seconds of one clock; where it goes back, no time has passed.
    """

    capacity: float
    rate: float = 1.0
    _level: float = field(init=False)
    _at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._level = self.capacity

    def take(self, amount: float, now: float) -> bool:
        """Takes `amount` tokens if there are so many; False, and takes none, otherwise."""
        granted = self.wait(amount, now) == 0.0
        if granted:
            self._level -= amount
        return granted

    def borrow(self, amount: float, now: float) -> float:
        """Takes `amount` tokens in any case; the seconds until the bucket has made up for it."""
        self._refill(now)
        self._level -= amount
        return max(0.0, -self._level / self.rate)

    def wait(self, amount: float, now: float) -> float:
        """Seconds until there are `amount` tokens; 0 where there are."""
        self._refill(now)
        missing = amount - self._level
        return 0.0 if missing <= TOLERANCE else missing / self.rate

    def _refill(self, now: float) -> None:
        gained = max(0.0, now - self._at) * self.rate
        self._level = min(self.capacity, self._level + gained)
        self._at = max(now, self._at)


class RateLimiter:
    """Lets each key act `burst` times at once and `per_second` times a second in the long run.

    It remembers the `keys` that acted last. A key that was pushed out starts afresh, so `keys`
    must be more than can act within the time in which a bucket fills.
    """

    def __init__(self, per_second: float, burst: int, keys: int = 4096) -> None:
        if per_second <= 0 or burst < 1 or keys < 1:
            raise ValueError("a rate limit needs a rate, a burst and room for a key")
        self._rate = per_second
        self._burst = burst
        self._keys = keys
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, now: float) -> float:
        """0 when `key` may act, and then it has; else the seconds after which it may."""
        bucket = self._buckets.setdefault(key, TokenBucket(self._burst, self._rate))
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return 0.0 if bucket.take(1, now) else bucket.wait(1, now)
