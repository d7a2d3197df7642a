"""Program for test_crash.py: appends events without end, and prints each committed number."""

import asyncio
import sys
from pathlib import Path

from appliance.conversation import Event, EventKind
from appliance.store.store import Store


async def main(path: Path, start: int) -> None:
    store = Store.open(path)
    number = start
    while True:
        for _ in range(1 + number % 7):
            data = {"text": f"sentence {number}", "filler": "x" * (number % 500)}
            store.append(Event(EventKind.USER_TRANSCRIPT, "c1", "s1", 1.0, number, data))
            number += 1
        await store.flush()
        print(number - 1, flush=True)  # noqa: T201  the acknowledgement that the test reads


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
