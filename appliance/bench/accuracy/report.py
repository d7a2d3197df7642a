"""Prints what was measured of hearing and turn taking as tables."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from appliance.bench.accuracy.results import (
    BASELINE,
    AccuracyResults,
    HeardClip,
    TurnScore,
    WordScore,
)
from appliance.bench.accuracy.turn_outcome import LONG_WAIT_SECONDS
from appliance.bench.contenders import OURS
from appliance.text.word_error_rate import WordErrors


def show(results: AccuracyResults, console: Console, *, errors: bool = False) -> None:
    """Prints tables of words, ends of turn and sounds; with `errors`, every wrong transcript."""
    about = results.machine
    console.print(
        f"{about['processor'] or about['model']}, {about['cores']} cores, "
        f"load {about['load_1_minute']:.1f}; {results.engines.get('stt', '')}; "
        f"{len(results.spoken)} utterances in {results.seconds / 60:.1f} min"
    )
    if results.spoken:
        console.print(_words_table(results))
        console.print(_turns_table(results.turn_scores()))
    if results.without_speech:
        console.print(_sounds_table(results.without_speech))
    if errors:
        console.print(_errors_table(results.spoken))
    for note in results.remarks:
        console.print(note)


def _words_table(results: AccuracyResults) -> Table:
    table = Table("", "clips", "words", "errors", "s/i/d", "baseline", "more")
    heard = "at audio time" if results.is_direct else "through the door"
    table.title = f"word errors {heard}, and by faster-whisper's own defaults"
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for heading, scores in results.word_scores():
        for score in scores:
            table.add_row(*_word_cells(heading, score))
        table.add_section()
    return table


def _word_cells(heading: str, score: WordScore) -> tuple[str, ...]:
    ours, base = score.ours, score.baseline
    difference = "" if base is None else f"{100 * (ours.rate - base.rate):+.1f}"
    return (
        score.group if heading == "all" else f"{heading} {score.group}",
        str(score.clips),
        str(ours.words),
        percent(ours),
        f"{ours.substituted}/{ours.inserted}/{ours.deleted}",
        "" if base is None else percent(base),
        difference,
    )


def _turns_table(scores: Sequence[TurnScore]) -> Table:
    table = Table("ends of turn", *(score.server for score in scores))
    rows = {
        f"finished, but waited over {LONG_WAIT_SECONDS:g} s": [
            share(score.waited, score.finished) for score in scores
        ],
        "cut off in a pause": [share(score.cut, score.pauses) for score in scores],
        "cut off amid speech": [share(score.cut_inside, score.utterances) for score in scores],
        "turns begun without speech": [str(score.false_starts) for score in scores],
        "wait p50 / p95": [
            f"{score.wait.p50:.0f} / {score.wait.p95:.0f} ms" if score.wait else ""
            for score in scores
        ],
    }
    for name, cells in rows.items():
        table.add_row(name, *cells)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _sounds_table(clips: Sequence[HeardClip]) -> Table:
    servers = tuple(clips[0].heard)
    table = Table("without speech", *(f"{name}: turns" for name in servers), OURS, BASELINE)
    for clip in clips:
        turns = (str(clip.outcome(name).false_starts) for name in servers)
        # As texts: a transcript like "[Music]" is no markup.
        table.add_row(clip.name, *turns, Text(clip.heard[OURS].text), Text(clip.baseline or ""))
    return table


def _errors_table(clips: Sequence[HeardClip]) -> Table:
    table = Table("clip", "said", OURS, BASELINE, title="transcripts with errors")
    for clip in clips:
        errors = clip.errors(OURS)
        if errors is not None and errors.count:
            about = f"{clip.name} {clip.kind} {clip.condition}"
            texts = (clip.text, clip.heard[OURS].text, clip.baseline or "")
            table.add_row(about, *(Text(text) for text in texts))
    return table


def percent(errors: WordErrors) -> str:
    """The word error rate."""
    return f"{100 * errors.rate:.1f} %"


def share(part: int, whole: int) -> str:
    """A number of cases and their share."""
    return f"{part} of {whole}, {100 * part / whole:.1f} %" if whole else "none"
