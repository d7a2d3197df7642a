"""The plan as a table for people. Pure."""

from appliance.hardware.candidates import EngineOption
from appliance.hardware.language_models import LanguageModelOption
from appliance.hardware.model_profiles import MB
from appliance.hardware.plan import Plan


def describe(made: Plan) -> str:
    """The plan as a table for people."""
    machine = made.hardware
    lines = [
        f"machine   {machine.model or 'unknown'} ({machine.architecture}, {machine.cores} cores)",
        f"memory    {_mb(machine.memory_available)} of {_mb(machine.memory_total)} available, "
        f"{_mb(made.reserve)} kept back, {_mb(made.budget)} to give",
        f"gpu       {made.accelerator}",
    ]
    if machine.l4t:
        jetpack = f", JetPack {machine.jetpack}" if machine.jetpack else ""
        lines.append(f"system    L4T {machine.l4t}{jetpack}")
    for title, ladder in (("listening", made.stt), ("speaking", made.tts)):
        lines += ["", title, *map(_row, ladder.options), f"  better: {ladder.better}"]
    lines += [
        "",
        "thinking",
        *map(_model_row, made.llm.options),
        f"  better: {made.llm.better}",
    ]
    lines += ["", f"sessions  {made.sessions} ({made.sessions_reason})"]
    lines += [f"warning   {warning}" for warning in made.warnings]
    return "\n".join(lines)


def _row(option: EngineOption) -> str:
    what = " ".join(filter(None, (option.engine, option.model, option.compute_type, option.device)))
    threads = f"{option.threads} thread{'' if option.threads == 1 else 's'}"
    return f"  {what:44} {_mb(option.memory):>9} {threads:>10}  {option.reason}"


def _mb(amount: int) -> str:
    return f"{amount // MB} MB"


def _model_row(option: LanguageModelOption) -> str:
    what = f"{option.model} {option.context} tokens {option.device}"
    speed = f"{option.tokens_per_second:.0f} tokens/s"
    return f"  {what:44} {_mb(option.memory):>9} {speed:>13}  {option.reason}"
