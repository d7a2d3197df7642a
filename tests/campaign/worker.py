"""Runs one row in this process, and writes its result as JSON to standard output."""

import asyncio
import json
import random
import sys
import time
from dataclasses import asdict
from pathlib import Path

from tests.campaign.results import result
from tests.campaign.row import Obstacle, Trial
from tests.campaign.rows import ROWS


def main(name: str, n: str, seconds: str, seed: str, directory: str) -> None:
    row = next(row for row in ROWS if row.name == name)
    trial = Trial(Path(directory), int(n), float(seconds), random.Random(f"{seed} {name}"))
    began = time.monotonic()
    obstacle = ""
    try:
        asyncio.run(row.run(trial))
    except Obstacle as reason:
        obstacle = str(reason)
    took = time.monotonic() - began
    found = result(name, trial.done, trial.lost, trial.notes, took, obstacle)
    json.dump(asdict(found), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:6])
