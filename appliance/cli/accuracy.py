"""`appliance bench accuracy`: how well it hears, and when it takes a sentence for finished."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import click

from appliance.bench.accuracy.utterances import CONDITIONS, KINDS, LANGUAGES
from appliance.cli.options import config_option

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def _cache_directory() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "voice-appliance" / "accuracy"


@click.command("accuracy")
@config_option
@click.option(
    "--json",
    "output",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    default=Path("accuracy_results.json"),
    help="The file for every clip and all figures; a drawing is put beside it.",
)
@click.option(
    "--utterances",
    type=click.IntRange(0),
    default=240,
    show_default=True,
    help="How many clips to draw; 0: every text in every condition. A clip takes some 8 s.",
)
@click.option("--seed", type=click.IntRange(0), default=1, help="Another sample, other noise.")
@click.option(
    "--language", "languages", type=click.Choice(LANGUAGES), multiple=True, help="Repeatable."
)
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Repeatable.")
@click.option(
    "--condition", "conditions", type=click.Choice(CONDITIONS), multiple=True, help="Repeatable."
)
@click.option(
    "--speech", type=_FOLDER, help="Recordings with their words, FILE.txt beside FILE.wav, instead."
)
@click.option(
    "--sessions", type=click.IntRange(1), default=1, help="Clips at once; 2 on an idle machine."
)
@click.option("--stt-model", type=_FOLDER, help="Whisper: a directory.")
@click.option("--tts-model", type=_FILE, help="Kokoro, which says the texts: an .onnx file.")
@click.option("--tts-voices", type=_FILE, help="Kokoro: the file of its voices.")
@click.option("--baseline/--no-baseline", default=True, help="faster-whisper's own defaults.")
@click.option("--stock/--no-stock", default=True, help="The turn taking of stock Pipecat.")
@click.option("--sounds/--no-sounds", default=True, help="Noise, music and breathing, too.")
@click.option(
    "--direct",
    is_flag=True,
    help="Ask the daemon's parts at audio time, without the door: quick, whatever the load.",
)
@click.option("--errors", is_flag=True, help="Print every transcript that has errors.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=_cache_directory,
    help="Where speech that was made once is kept.",
)
def accuracy(
    files: tuple[Path, ...],
    output: Path,
    errors: bool,
    **options: Any,  # noqa: ANN401  click's values
) -> None:
    """Measures word errors and errors of turn taking, through the daemon's own door.

    Kokoro's voices say texts of six languages (German is Piper's or eSpeak NG's) in eight
    conditions; an appliance of its own hears them in real time. In the same run: the same model by
    faster-whisper's defaults, and the turn taking of stock Pipecat.

    A few minutes are enough for one question:

    \b
      appliance bench accuracy --direct --condition noise-5 --language en --errors
      appliance bench accuracy --utterances 24 --no-stock
      appliance bench accuracy --kind digits --kind unfinished --no-sounds --no-baseline
    """
    from rich.console import Console

    from appliance.bench.accuracy import picture, report, yardstick
    from appliance.bench.contenders import BenchSetup

    # Not a choice of the user: without one, all are meant.
    chosen = {name: value for name, value in options.items() if value != ()}
    with Console(stderr=True).status("measuring") as status:
        setup = BenchSetup(files, os.environ, status.update)
        results = asyncio.run(yardstick.measure(yardstick.AccuracyOptions(**chosen), setup))
    report.show(results, Console(), errors=errors)
    text = json.dumps(results.as_json(), indent=2, ensure_ascii=False)
    output.write_text(text + "\n", encoding="utf-8")
    output.with_suffix(".svg").write_text(picture.draw(results), encoding="utf-8")
