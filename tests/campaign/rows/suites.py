"""Rows that are tests of this repository: each test that passes counts, as often as it is run."""

import asyncio
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

from tests.campaign.results import ROOT
from tests.campaign.row import Row, Trial


async def run(trial: Trial, files: tuple[str, ...]) -> None:
    report = trial.directory / "report.xml"
    while not trial.is_over:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("--without-released-models", f"--junitxml={report}", *files),
            cwd=ROOT,
            stdout=asyncio.subprocess.DEVNULL,
        )
        await process.wait()
        for name, failure in outcomes(report):
            if failure:
                trial.lose(f"{name}: {failure}")
            else:
                trial.hold()


def outcomes(report: Path) -> Iterator[tuple[str, str]]:
    """The tests that were run, each with what it failed of, or with nothing."""
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("skipped") is not None:
            continue
        failures = [*case.iter("failure"), *case.iter("error")]
        said = failures[0].get("message", "failed") if failures else ""
        yield str(case.get("name")), said.splitlines()[0][:200] if said else ""


def row(name: str, done: str, lost: str, n: int, *files: str) -> Row:
    return Row(
        name, f"{done} (`{'`, `'.join(files)}`)", "tests", lost, n, partial(run, files=files)
    )


ROWS = (
    row(
        "part-faults",
        "each engine, the language model and the realtime model raises, hangs, returns garbage or "
        "dies, under each policy",
        "a turn that is not answered in time, or a next one that is not clean",
        72,
        "tests/e2e/test_faults.py",
    ),
    row(
        "model-streams",
        "a language model's server answers with broken, endless, slow and hostile streams",
        "a turn that does not end in words, or words that are not the model's",
        52,
        "tests/e2e/test_streams.py",
    ),
    row(
        "floods",
        "three clients send rubbish, audio or a mix without end beside one that asks",
        "an answer later than 1.5 times the usual; a flood that is not closed",
        8,
        "tests/e2e/test_floods.py",
    ),
)
