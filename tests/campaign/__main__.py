"""Command line of the campaign: runs rows one after the other, and writes the table."""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from tests.campaign import report, results
from tests.campaign.results import ROOT, Result
from tests.campaign.row import Row
from tests.campaign.rows import ROWS

GRACE_SECONDS = 300.0  # for the round in which a row's time ends


def main() -> int:
    options = _options()
    rows = [row for row in ROWS if not options.rows or row.name in options.rows]
    lost = 0
    for row in rows:
        print(f"{row.name}: {row.done}", file=sys.stderr, flush=True)  # noqa: T201
        found = run(row, max(1, round(row.n * options.scale)), options.minutes, options.seed)
        lost += found.lost
        known = results.save(options.output / "reliability.json", found)
        report.write(options.output / "reliability.md", ROWS, known)
        outcome = found.obstacle or f"{found.n:,} {row.unit}, {found.lost} lost"
        print(f"{row.name}: {outcome}", file=sys.stderr, flush=True)  # noqa: T201
    return 1 if lost else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    names = [row.name for row in ROWS]
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"one of {', '.join(names)}")
    parser.add_argument("--scale", type=float, default=1.0, help="this share of each row's n")
    parser.add_argument("--minutes", type=float, default=60.0, help="for a row at most")
    parser.add_argument("--seed", default="1", help="other faults than those of the last time")
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / "docs",
        help="where reliability.md and reliability.json stand",
    )
    options = parser.parse_args()
    if unknown := set(options.rows) - set(names):
        parser.error(f"no row is called {', '.join(sorted(unknown))}")
    return options


def run(row: Row, n: int, minutes: float, seed: str) -> Result:
    """Runs a row in a process and in namespaces of its own."""
    with tempfile.TemporaryDirectory(prefix="campaign-") as directory:
        # Whoever the row becomes has to find its directory.
        Path(directory).chmod(0o755)
        command = [sys.executable, "-m", "tests.campaign.worker"]
        if row.namespaces:
            if os.geteuid():
                return results.result(row.name, obstacle="it needs root, for namespaces")
            command = ["unshare", *row.namespaces, *command]
        process = subprocess.Popen(
            [*command, row.name, str(n), str(60 * minutes), seed, directory],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        # A row whose predicate never comes true must not hold up the others.
        deadline = threading.Timer(60 * minutes + GRACE_SECONDS, kill, [process])
        deadline.start()
        try:
            output, _ = process.communicate()
        finally:
            deadline.cancel()
            kill(process)
    if process.returncode:
        return results.result(row.name, 1, [f"the row broke off ({process.returncode})"])
    return results.parse(json.loads(output))


def kill(process: "subprocess.Popen[str]") -> None:
    """Kills a row with its daemons, none of which may outlive it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
