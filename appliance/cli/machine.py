"""`appliance plan` and `appliance bench`: what this machine can run, and how fast it does."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from appliance.cli.accuracy import accuracy
from appliance.cli.options import config_option, configuration, json_option
from appliance.hardware import planner
from appliance.hardware.plan_table import describe


@click.command()
@config_option
@json_option
def plan(files: tuple[Path, ...], as_json: bool) -> None:
    """Shows the detected hardware, the chosen engines and why, and what a better choice needs."""
    made = planner.plan_for(configuration(files))
    click.echo(json.dumps(made.as_dict(), indent=2) if as_json else describe(made))


@click.group(invoke_without_command=True)
@click.pass_context
@config_option
@click.option(
    "--json",
    "output",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    default=Path("benchmark_results.json"),
    help="The file for all figures; with --against, a drawing is put beside it.",
)
@click.option(
    "--engines",
    type=click.Choice(["starter", "models", "timed", "random"]),
    multiple=True,
    help="Repeatable. `timed` engines only take time; `random` ones have random weights.",
)
@click.option(
    "--against", type=click.Choice(["stock"]), help="Compare with Pipecat's own services."
)
@click.option(
    "--stt-model", type=click.Path(path_type=Path, exists=True), help="Whisper: a directory."
)
@click.option(
    "--tts-model",
    type=click.Path(path_type=Path, exists=True),
    help="Kokoro or Piper: an .onnx file.",
)
@click.option(
    "--tts-voices",
    type=click.Path(path_type=Path, exists=True),
    help="Kokoro: the file of its voices.",
)
@click.option(
    "--turns", type=click.IntRange(1), default=20, help="Turns of the smallest number of sessions."
)
@click.option(
    "--sessions",
    type=click.IntRange(1),
    multiple=True,
    default=(1, 10),
    help="Concurrent sessions; repeatable.",
)
@click.option(
    "--interruptions",
    type=click.IntRange(1),
    default=10,
    help="Interrupted answers, against stock.",
)
@click.option(
    "--ramp",
    type=click.IntRange(0),
    multiple=True,
    default=(1, 16, 24, 32, 40, 48),
    help="Concurrent sessions against stock, until they are too many; 0 leaves the ramp out.",
)
@click.option(
    "--random-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("random-models"),
    help="The directory of models of random weights; missing ones are made there.",
)
@click.option(
    "--random-python",
    type=click.Path(path_type=Path, exists=True),
    default=Path(sys.executable),
    help="A Python with torch, to make models of random weights.",
)
@click.option(
    "--turns-each",
    type=click.IntRange(1),
    default=6,
    help="Turns of each session where there are several.",
)
@click.option(
    "--speech",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="Recordings to say: a .wav named after its words, or a directory of them.",
)
@click.option(
    "--llm",
    type=click.Choice(["scripted", "managed"]),
    default="scripted",
    help="Who answers beside models: a script, or the model that the appliance runs itself.",
)
@click.option("--llm-url", default="", help="A real endpoint instead of the scripted one.")
@click.option("--llm-model", default="", help="The model at --llm-url, or the managed one.")
@click.option(
    "--llm-first-token",
    type=float,
    default=0.22,
    help="Seconds to the first token of the scripted model.",
)
@click.option(
    "--llm-tokens", type=float, default=50.0, help="Tokens per second of the scripted model."
)
def bench(
    context: click.Context,
    /,
    files: tuple[Path, ...],
    output: Path,
    **options: Any,  # noqa: ANN401  click's values
) -> None:
    """Measures whole turns, many sessions at once, and the engines alone; takes minutes.

    Starts appliances of its own and talks to them in real time. Without --engines it measures
    the starter engines, and models where they are named or the plan has some; against stock, the
    timed engines. The exit status is 1 when a turn stayed unanswered, never for a slow one.
    """
    if context.invoked_subcommand is not None:
        return
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


bench.add_command(accuracy)
