"""Which engines, models and limits this machine gets, and why. Pure: facts in, plan out.

The budget is the memory available now less a reserve for everything else on the machine, never
what CUDA believes to be free. Each ladder leads from the best choice that fits to the starter
engine, which is always loaded and always the last rung; one rung of a ladder is in use at a time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from appliance.config.loader import Config
from appliance.config.schema import STTConfig, TTSConfig
from appliance.hardware import candidates as rungs
from appliance.hardware import gpu_support
from appliance.hardware.candidates import EngineOption
from appliance.hardware.detect import Hardware
from appliance.hardware.gpu_support import WITH_CUDA, GpuSupport, Wheels
from appliance.hardware.model_profiles import KOKORO, MB, WHISPER, kokoro_memory, whisper_memory

SESSION_BYTES = 15 * MB  # what one more session may cost: the limit that it is held to
LEAST_SESSIONS = 4  # a household; for fewer no engine is chosen larger
STARTER_BYTES = 220 * MB  # two PocketSphinx decoders with their language model, and eSpeak NG

# How many sessions one core carries, by what listens: they rarely talk at the same moment.
_SESSIONS_PER_CORE = {"sphinx": 8, "cpu": 4}
_SESSIONS_PER_GPU = 32


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs, best first, the starter engine last; `better` says what a better one needs."""

    rungs: tuple[EngineOption, ...]
    better: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What this machine gets. `budget` is what engines and sessions may take, in bytes."""

    hardware: Hardware
    stt: Ladder
    tts: Ladder
    sessions: int
    sessions_reason: str
    budget: int
    reserve: int
    accelerator: str
    warnings: tuple[str, ...]

    @property
    def uses_card(self) -> bool:
        """Whether an engine may take a graphics card's own memory."""
        taken = (*self.stt.rungs, *self.tts.rungs)
        return self.hardware.gpu_memory is not None and any(r.device == "cuda" for r in taken)


@dataclass(frozen=True, slots=True)
class _Room:
    """Memory to give away: of the machine, and of a card of its own (None: there is none)."""

    host: int
    card: int | None

    def holds(self, rung: EngineOption) -> bool:
        return rung.memory <= self._of(rung)

    def _of(self, rung: EngineOption) -> int:
        return self.card if rung.device == "cuda" and self.card is not None else self.host

    def without(self, taken: Iterable[EngineOption]) -> "_Room":
        """The room beside a ladder, of which one rung, maybe the largest, is in use."""
        host = card = 0
        for rung in taken:
            if rung.device == "cuda" and self.card is not None:
                card = max(card, rung.memory)
            else:
                host = max(host, rung.memory)
        return _Room(self.host - host, None if self.card is None else self.card - card)


def plan(
    hardware: Hardware,
    config: Config,
    models_on_disk: Mapping[str, int],
    wheels: Wheels = WITH_CUDA,
) -> Plan:
    """The plan for this machine; `models_on_disk` maps what can be loaded to its bytes.

    The names are those of hardware.models, and what stands in stt.model and tts.model. Bytes are
    those of the weights: model.bin of a Whisper model, the .onnx file of Kokoro.
    """
    gpu = gpu_support.usable(hardware, wheels)
    reserve = reserve_of(hardware.memory_total)
    budget = max(0, hardware.memory_available - reserve)
    room = _Room(budget - STARTER_BYTES - LEAST_SESSIONS * SESSION_BYTES, gpu.own_memory)
    voices = list(rungs.kokoro_rungs(hardware, config, gpu, models_on_disk))
    wanted = list(rungs.whisper_rungs(hardware, config, gpu, models_on_disk))
    ears = _ladder(wanted, _beside_a_voice(room, wanted, voices))
    beside = room.without(ears)
    spoken = _ladder(voices, beside)
    sessions, why = _sessions(hardware, config, budget, [*ears, *spoken])
    return Plan(
        hardware=hardware,
        stt=Ladder(
            (*ears, _starter("sphinx", config.stt, wanted)),
            _better_stt(hardware, config, gpu, models_on_disk, ears, room),
        ),
        tts=Ladder(
            (*spoken, _starter("espeak", config.tts, voices)),
            _better_tts(config, gpu, models_on_disk, spoken, beside),
        ),
        sessions=sessions,
        sessions_reason=why,
        budget=budget,
        reserve=reserve,
        accelerator=gpu.reason,
        warnings=(*_warnings(config, gpu, models_on_disk), *_unheard(config, ears)),
    )


def reserve_of(total: int) -> int:
    """What is left to the rest of the machine: a tenth, and no less than 256 MB (700 from 6 GB)."""
    return max(total // 10, (700 if total >= 6000 * MB else 256) * MB)


def _ladder(candidates: Sequence[EngineOption], room: _Room) -> tuple[EngineOption, ...]:
    taken = [rung for rung in candidates if room.holds(rung)]
    return tuple(rungs.reasoned(taken, candidates))


def _beside_a_voice(
    room: _Room, ears: Sequence[EngineOption], voices: Sequence[EngineOption]
) -> _Room:
    """The room less the smallest voice, where any transcriber fits beside it.

    Where not both fit, understanding comes before sounding natural.
    """
    for voice in sorted(voices, key=lambda rung: rung.memory):
        smaller = room.without([voice])
        if room.holds(voice) and any(smaller.holds(rung) for rung in ears):
            return smaller
    return room


def _starter(
    engine: str, section: STTConfig | TTSConfig, others: Sequence[EngineOption]
) -> EngineOption:
    if section.engine == "timed":
        return EngineOption(
            "timed", section.model, "cpu", "", 1, 0, "takes time only, for measurements"
        )
    if section.engine == engine:
        why = "named in the configuration"
    else:
        why = "always there, when all else fails" if others else "no other model is on disk"
    return EngineOption(engine, "", "cpu", "", 1, STARTER_BYTES // 2, why)


def _sessions(
    hardware: Hardware, config: Config, budget: int, taken: Sequence[EngineOption]
) -> tuple[int, str]:
    """How many sessions at once, and what limits them; one is always allowed."""
    if config.limits.sessions:
        return config.limits.sessions, "set in the configuration"
    shared = [rung for rung in taken if rung.device == "cpu" or hardware.gpu_memory is None]
    engines = sum(
        max((rung.memory for rung in shared if rung.engine == engine), default=0)
        for engine in ("whisper", "kokoro")
    )
    by_memory = (budget - STARTER_BYTES - engines) // SESSION_BYTES
    if taken and taken[0].device == "cuda":
        by_load, load = _SESSIONS_PER_GPU, "one GPU"
    else:
        kind = "cpu" if taken else "sphinx"
        by_load = hardware.cores * _SESSIONS_PER_CORE[kind]
        load = f"{hardware.cores} processor cores"
    if by_memory < by_load:
        return max(1, by_memory), f"memory: {SESSION_BYTES // MB} MB for each beside the engines"
    return by_load, f"as many as {load} can answer without a noticeable wait"


def _better_stt(
    hardware: Hardware,
    config: Config,
    gpu: GpuSupport,
    on_disk: Mapping[str, int],
    chosen: Sequence[EngineOption],
    room: _Room,
) -> str:
    """What the next better transcriber would need."""
    if config.stt.engine in ("sphinx", "timed"):
        return 'stt.engine = "auto"'
    if config.stt.model != "auto" and config.stt.model in on_disk and chosen:
        return 'stt.model = "auto", to let the plan choose'
    device, kind = ("cuda", gpu.types[0]) if gpu.types else ("cpu", "int8")
    better = None
    for model in rungs.ranked(config.stt.language):
        if chosen and model.name == chosen[0].model:
            break
        better = model
    if better is None:
        return "nothing: it is the best there is"
    needs = [] if better.name in on_disk else [f"`appliance models pull {better.name}`"]
    if better.work > rungs.capacity(hardware, device):
        needs.append("a faster GPU" if gpu.types else "a usable GPU or a faster processor")
    missing = whisper_memory(better.bytes, device, kind) - (
        room.card if device == "cuda" and room.card is not None else room.host
    )
    if missing > 0:
        needs.append(f"{missing // MB + 1} MB more memory")
    return f"{better.name} needs {' and '.join(needs) or 'less memory taken by the voice'}"


def _better_tts(
    config: Config,
    gpu: GpuSupport,
    on_disk: Mapping[str, int],
    chosen: Sequence[EngineOption],
    room: _Room,
) -> str:
    """What the next better synthesizer would need."""
    if config.tts.engine in ("espeak", "timed"):
        return 'tts.engine = "auto"'
    if chosen and (chosen[0].device == "cuda" or not gpu.speaks or config.tts.model != "auto"):
        return "nothing: it is the best there is"
    if chosen:
        return _better_on_the_gpu(on_disk, room)
    sizes = [on_disk[name] for name in (*KOKORO, config.tts.model) if name in on_disk]
    if not sizes:
        return "kokoro-v1.0 needs `appliance models pull kokoro-v1.0`"
    missing = min(map(kokoro_memory, sizes)) - room.host
    return f"Kokoro needs {missing // MB + 1} MB more memory"


def _better_on_the_gpu(on_disk: Mapping[str, int], room: _Room) -> str:
    """What the voice would need to move from the processor to the GPU."""
    model = rungs.KOKORO_GPU
    if model not in on_disk:
        return f"{model} on the GPU needs `appliance models pull {model}`"
    missing = kokoro_memory(on_disk[model]) - (room.host if room.card is None else room.card)
    return f"{model} on the GPU needs {missing // MB + 1} MB more memory"


def _warnings(config: Config, gpu: GpuSupport, on_disk: Mapping[str, int]) -> Iterator[str]:
    """What was asked for and cannot be had."""
    for key, part in (("stt.model", config.stt), ("tts.model", config.tts)):
        name = part.model
        if part.engine != "timed" and name != "auto" and name not in on_disk:
            yield f"{key}: {name} is not on disk"
    if config.stt.device == "cuda" and not gpu.types:
        yield f"stt.device is cuda, but {gpu.faults[0] if gpu.faults else gpu.reason}"
    yield from gpu.faults
    kind = config.stt.compute_type
    if kind not in ("auto", *gpu.types, "int8", "float32"):
        yield f"stt.compute_type: {kind} needs a GPU, so int8 is used on the processor"


def _unheard(config: Config, ears: Sequence[EngineOption]) -> Iterator[str]:
    """What is missing for the language that was asked for."""
    language = config.stt.language
    if language == "en" or config.stt.engine == "timed":
        return
    if not ears:
        yield (
            f"stt.language is {language}, but without a Whisper model only the starter engine"
            " hears, and it knows nothing but English commands"
        )
    named = WHISPER.get(config.stt.model)
    if named and named.english and any(rung.model == named.name for rung in ears):
        yield f"stt.language is {language}, but stt.model {named.name} knows English only"


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
        lines += ["", title, *map(_row, ladder.rungs), f"  better: {ladder.better}"]
    lines += ["", f"sessions  {made.sessions} ({made.sessions_reason})"]
    lines += [f"warning   {warning}" for warning in made.warnings]
    return "\n".join(lines)


def _row(rung: EngineOption) -> str:
    what = " ".join(filter(None, (rung.engine, rung.model, rung.compute_type, rung.device)))
    threads = f"{rung.threads} thread{'' if rung.threads == 1 else 's'}"
    return f"  {what:44} {_mb(rung.memory):>9} {threads:>10}  {rung.reason}"


def _mb(amount: int) -> str:
    return f"{amount // MB} MB"
