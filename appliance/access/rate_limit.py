"""How often somebody may do something: token buckets, one a key."""

from collections import OrderedDict


class RateLimiter:
    """Lets each key act `burst` times at once and `per_second` times a second in the long run.

    It remembers `keys` of them, the latest used. A key that was pushed out starts afresh, so
    `keys` must be more than can act within the time in which a bucket fills.
    """

    def __init__(self, per_second: float, burst: int, keys: int = 4096) -> None:
        if per_second <= 0 or burst < 1 or keys < 1:
            raise ValueError("a rate limit needs a rate, a burst and room for a key")
        self._rate = per_second
        self._burst = burst
        self._keys = keys
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, now: float) -> float:
        """0 when `key` may act, and then it has; else the seconds after which it may."""
        level, since = self._buckets.get(key, (float(self._burst), now))
        level = min(self._burst, level + max(0.0, now - since) * self._rate)
        # The tolerance lets those in who come back after exactly the time that they were told.
        allowed = level >= 1 - 1e-6
        self._buckets[key] = (level - 1 if allowed else level, max(now, since))
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - level) / self._rate
