"""`appliance plan` and `appliance bench`: what this machine can run, and how fast it does."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from appliance.cli.options import config_option, configuration, json_option
from appliance.hardware import planner
from appliance.hardware.plan import describe


@click.command()
@config_option
@json_option
def plan(files: tuple[Path, ...], as_json: bool) -> None:
    """What was detected, what was chosen, why, and what the next better choice would need."""
    made = planner.plan_for(configuration(files))
    click.echo(json.dumps(made.as_dict(), indent=2) if as_json else describe(made))


@click.command()
@config_option
@click.option(
    "--json",
    "output",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    default=Path("benchmark_results.json"),
    help="Where all figures are kept; a drawing beside it, against stock.",
)
@click.option(
    "--engines",
    type=click.Choice(["starter", "models", "timed", "random"]),
    multiple=True,
    help="Several are allowed; timed ones only take time, random ones have weights of no meaning.",
)
@click.option("--against", type=click.Choice(["stock"]), help="Pipecat's own services beside ours.")
@click.option("--stt-model", type=click.Path(path_type=Path, exists=True), help="A directory.")
@click.option("--tts-model", type=click.Path(path_type=Path, exists=True), help="An .onnx file.")
@click.option("--tts-voices", type=click.Path(path_type=Path, exists=True), help="Its voices.")
@click.option("--turns", type=click.IntRange(1), default=20, help="Of one session alone.")
@click.option("--sessions", type=click.IntRange(1), multiple=True, default=(1, 10), help="At once.")
@click.option("--interruptions", type=click.IntRange(1), default=10, help="Against stock.")
@click.option(
    "--ramp",
    type=click.IntRange(0),
    multiple=True,
    default=(1, 16, 24, 32, 40, 48),
    help="Sessions at once against stock, until they are too many; 0: leave it out.",
)
@click.option(
    "--random-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("random-models"),
    help="Where models of random weights are, or are put.",
)
@click.option(
    "--random-python",
    type=click.Path(path_type=Path, exists=True),
    default=Path(sys.executable),
    help="A Python with torch, which makes them.",
)
@click.option("--turns-each", type=click.IntRange(1), default=6, help="Of each of several.")
@click.option(
    "--speech",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="Recordings to say: a .wav named after its words, or a directory of them.",
)
@click.option("--llm-url", default="", help="A real endpoint instead of the scripted one.")
@click.option("--llm-model", default="")
@click.option("--llm-first-token", type=float, default=0.22, help="Seconds, scripted.")
@click.option("--llm-tokens", type=float, default=50.0, help="A second, scripted.")
def bench(files: tuple[Path, ...], output: Path, **options: Any) -> None:  # noqa: ANN401  click's values
    """Measures whole turns, many sessions at once, and the engines alone; takes minutes.

    Starts appliances of its own and talks to them in real time. Without --engines it measures
    the starter engines, and models where they are named or the plan has some; against stock the
    timed ones. Exits with 1 when a turn stayed unanswered, never for a slow one.
    """
    from rich.console import Console

    from appliance.bench import chart, report, suite
    from appliance.bench.contenders import BenchSetup

    # The last slot of a ladder is the starter engine, which needs no model.
    has_models = len(planner.plan_for(configuration(files)).stt.options) > 1
    suite_options = suite.suite_options(options, has_models=has_models)
    with Console(stderr=True).status("measuring") as status:
        setup = BenchSetup(files, os.environ, status.update)
        results = asyncio.run(suite.run_suite(suite_options, setup))
    report.show(results, Console())
    output.write_text(json.dumps(results.as_json(), indent=2) + "\n", encoding="utf-8")
    if results.comparisons:
        picture = chart.render_svg(results.comparisons)
        output.with_suffix(".svg").write_text(picture, encoding="utf-8")
    sys.exit(1 if results.unanswered else 0)
