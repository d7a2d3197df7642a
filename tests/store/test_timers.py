"""Timers are kept over restarts."""

from dataclasses import dataclass
from pathlib import Path

from appliance.store.store import Store


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer class that the store does not know."""

    id: str
    name: str
    seconds: float
    due: float
    client_id: str = "c"
    paused_left: float | None = None


TEA = Timer("1", "tea", 180.0, 1000.5)
EGG = Timer("2", "", 300.0, 900.25)


async def test_timers_outlive_the_process(path: Path) -> None:
    store = Store.open(path)
    timers = store.timers(Timer)
    timers.add(TEA)
    timers.add(EGG)
    await store.close()
    store = Store.open(path)
    timers = store.timers(Timer)
    assert timers.all() == [EGG, TEA]
    timers.remove(EGG.id)
    timers.remove("unknown")
    await store.flush()
    assert timers.all() == [TEA]
    await store.close()


async def test_a_timer_added_again_is_replaced(store: Store) -> None:
    timers = store.timers(Timer)
    timers.add(TEA)
    later = Timer(TEA.id, "green tea", 240.0, 2000.0, "other", paused_left=12.5)
    timers.add(later)
    await store.flush()
    assert timers.all() == [later]
