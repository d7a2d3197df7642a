"""Plans the engines, models and limits of a machine, with the reason for each choice. Pure.

The budget is the memory available now less a reserve for everything else on the machine, never
what CUDA reports as free. Each ladder leads from the best option that fits down to the starter
engine, which is always loaded; beside it one option of a ladder is loaded at a time.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from appliance.config.loader import Config
from appliance.config.schema import STTConfig, TTSConfig
from appliance.hardware.candidates import (
    KOKORO_GPU,
    EngineOption,
    capacity,
    kokoro_keeps_up,
    models_by_quality,
    spoken_language,
    voice_options,
    whisper_options,
    with_reasons,
)
from appliance.hardware.detect import Hardware
from appliance.hardware.gpu_support import WITH_CUDA, GpuLibraries, GpuSupport, gpu_support
from appliance.hardware.language_models import (
    LanguageServer,
    PlannedLanguageModel,
    plan_language_model,
)
from appliance.hardware.model_profiles import (
    KOKORO,
    MB,
    WHISPER,
    kokoro_memory,
    voice_real_time_factor,
    whisper_memory,
)
from appliance.languages import table

SESSION_BYTES: Final = 15 * MB
"""Most that one more session may cost; a test holds sessions to it."""
MIN_SESSIONS: Final = 4
"""A family at once: no engine is chosen so large that fewer sessions fit beside it."""
STARTER_BYTES: Final = 220 * MB
"""Two PocketSphinx decoders with their language model, and eSpeak NG."""

_SESSIONS_PER_CORE: Final = {"sphinx": 8, "cpu": 4}
"""Sessions that one core carries, by transcriber: they rarely talk at the same moment."""
_SESSIONS_PER_GPU: Final = 32
_SPEAKING_SHARE: Final = 1 / 3
"""Of a conversation, in which the appliance also listens and thinks and nobody says anything."""


@dataclass(frozen=True, slots=True)
class PlannedLadder:
    """Options for one kind of engine, best first, the starter engine last.

    `better` says what the next better option would need.
    """

    options: tuple[EngineOption, ...]
    better: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The engines and limits of a machine.

    `budget` is what engines and sessions may take, `reserve` what is left to the rest of the
    machine, in bytes. `accelerator` says which GPU is used, or why none is.
    """

    hardware: Hardware
    stt: PlannedLadder
    tts: PlannedLadder
    llm: PlannedLanguageModel
    sessions: int
    sessions_reason: str
    budget: int
    reserve: int
    accelerator: str
    warnings: tuple[str, ...]

    @property
    def uses_card(self) -> bool:
        """Whether an engine may take a graphics card's own memory."""
        options = (*self.stt.options, *self.tts.options)
        return self.hardware.has_own_gpu_memory and any(o.device == "cuda" for o in options)

    def as_dict(self) -> dict[str, Any]:
        """The plan for JSON, where the options of a ladder are its `rungs`."""
        plan = asdict(self)
        for kind in ("stt", "tts", "llm"):
            ladder = plan[kind]
            plan[kind] = {"rungs": ladder["options"], "better": ladder["better"]}
        return plan


@dataclass(frozen=True, slots=True)
class _Room:
    """Bytes to give away: of the machine, and of a graphics card (None: there is none)."""

    host: int
    card: int | None

    def holds(self, option: EngineOption) -> bool:
        return option.memory <= self.on(option.device)

    def on(self, device: str) -> int:
        """The bytes that an engine on the device can take."""
        return self.card if device == "cuda" and self.card is not None else self.host

    def without(self, taken: Iterable[EngineOption]) -> "_Room":
        """The room beside a ladder of which one option is loaded, possibly the largest."""
        host = card = 0
        for option in taken:
            if option.device == "cuda" and self.card is not None:
                card = max(card, option.memory)
            else:
                host = max(host, option.memory)
        return _Room(self.host - host, None if self.card is None else self.card - card)


def plan(
    hardware: Hardware,
    config: Config,
    models_on_disk: Mapping[str, int],
    libraries: GpuLibraries = WITH_CUDA,
    server: LanguageServer = LanguageServer(),  # noqa: B008  frozen
) -> Plan:
    """Plans the engines and limits of a machine.

    `models_on_disk` maps every model that can be loaded to the bytes of its weights (model.bin of
    Whisper, the .onnx file of a voice, the .gguf file of a language model). Its names are those of
    `model_profiles` and `language_models`, and the values of stt.model, tts.model and llm.model.
    """
    gpu = gpu_support(hardware, libraries)
    reserve = reserve_of(hardware.memory_total)
    budget = max(0, hardware.memory_available - reserve)
    room = _Room(budget - STARTER_BYTES - MIN_SESSIONS * SESSION_BYTES, gpu.own_memory)
    tts_options = list(voice_options(hardware, config, gpu, models_on_disk))
    stt_options = list(whisper_options(hardware, config, gpu, models_on_disk))
    stt = _fitting(stt_options, _beside_a_voice(room, stt_options, tts_options))
    beside_stt = room.without(stt)
    tts = _fitting(tts_options, beside_stt)
    llm = plan_language_model(hardware, config, models_on_disk, server, beside_stt.without(tts).on)
    sessions, reason = _sessions(hardware, config, budget, stt, tts, models_on_disk)
    return Plan(
        hardware=hardware,
        stt=PlannedLadder(
            (*stt, _starter("sphinx", config.stt, stt_options)),
            _better_stt(hardware, config, gpu, models_on_disk, stt, room),
        ),
        tts=PlannedLadder(
            (*tts, _starter("espeak", config.tts, tts_options)),
            _better_tts(hardware, config, gpu, models_on_disk, tts, beside_stt),
        ),
        llm=llm,
        sessions=sessions,
        sessions_reason=reason,
        budget=budget,
        reserve=reserve,
        accelerator=gpu.reason,
        warnings=(*_warnings(config, gpu, models_on_disk), *_language_warnings(config, stt)),
    )


def reserve_of(total: int) -> int:
    """Bytes left to the rest of the machine: a tenth, at least 256 MB (700 MB from 6 GB)."""
    return max(total // 10, (700 if total >= 6000 * MB else 256) * MB)


def _fitting(options: Sequence[EngineOption], room: _Room) -> tuple[EngineOption, ...]:
    taken = [option for option in options if room.holds(option)]
    return tuple(with_reasons(taken, options))


def _beside_a_voice(
    room: _Room, stt_options: Sequence[EngineOption], tts_options: Sequence[EngineOption]
) -> _Room:
    """The room less the smallest synthesizer, where any transcriber fits beside it.

    Where both do not fit, understanding comes before sounding natural.
    """
    for voice in sorted(tts_options, key=lambda option: option.memory):
        smaller = room.without([voice])
        if room.holds(voice) and any(smaller.holds(option) for option in stt_options):
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
        reason = "named in the configuration"
    else:
        reason = "always loaded, if all others fail" if others else "no other model is on disk"
    return EngineOption(engine, "", "cpu", "", 1, STARTER_BYTES // 2, reason)


def _sessions(
    hardware: Hardware,
    config: Config,
    budget: int,
    stt: Sequence[EngineOption],
    tts: Sequence[EngineOption],
    on_disk: Mapping[str, int],
) -> tuple[int, str]:
    """The number of sessions at once, and what limits it; one is always allowed."""
    if config.limits.sessions:
        return config.limits.sessions, "set in the configuration"
    on_card = "cuda" if hardware.has_own_gpu_memory else None
    taken = (*stt, *tts)
    engines = sum(
        max((option.memory for option in ladder if option.device != on_card), default=0)
        for ladder in (stt, tts)
    )
    by_memory = (budget - STARTER_BYTES - engines) // SESSION_BYTES
    by_voice = _voiced_sessions(hardware, tts, on_disk)
    if taken and taken[0].device == "cuda":
        by_load, load = _SESSIONS_PER_GPU, "one GPU"
    else:
        kind = "cpu" if taken else "sphinx"
        by_load = hardware.cores * _SESSIONS_PER_CORE[kind]
        load = f"{hardware.cores} processor cores"
    if by_memory < min(by_load, by_voice):
        return max(1, by_memory), f"memory: {SESSION_BYTES // MB} MB for each beside the engines"
    if by_voice < by_load:
        return int(by_voice), f"as many as {tts[0].engine} can speak for without a noticeable wait"
    return by_load, f"as many as {load} can answer without a noticeable wait"


def _voiced_sessions(
    hardware: Hardware, tts: Sequence[EngineOption], on_disk: Mapping[str, int]
) -> float:
    """The number of sessions that the first voice can speak for, one piece after the other.

    A graphics card and the starter engine speak for as many as there can be.
    """
    if not tts or tts[0].device == "cuda":
        return math.inf
    voice = tts[0]
    factor = voice_real_time_factor(
        *(voice.engine, voice.compute_type, hardware.architecture, voice.threads),
        on_disk[voice.model],
    )
    return max(1, int(1 / (factor * _SPEAKING_SHARE)))


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
    device, kind = ("cuda", gpu.stt_types[0]) if gpu.stt_types else ("cpu", "int8")
    better = None
    for model in models_by_quality(config.stt.language):
        if chosen and model.name == chosen[0].model:
            break
        better = model
    if better is None:
        return "nothing: it is the best there is"
    needs = [] if better.name in on_disk else [f"`appliance models pull {better.name}`"]
    if better.work > capacity(hardware, device):
        needs.append("a faster GPU" if gpu.stt_types else "a usable GPU or a faster processor")
    missing = whisper_memory(better.bytes, device, kind) - room.on(device)
    if missing > 0:
        needs.append(f"{missing // MB + 1} MB more memory")
    return f"{better.name} needs {' and '.join(needs) or 'less memory taken by the voice'}"


def _better_tts(
    hardware: Hardware,
    config: Config,
    gpu: GpuSupport,
    on_disk: Mapping[str, int],
    chosen: Sequence[EngineOption],
    room: _Room,
) -> str:
    """What the next better synthesizer would need."""
    if config.tts.engine in ("espeak", "timed"):
        return 'tts.engine = "auto"'
    language = spoken_language(config)
    if config.tts.model == "auto" and not table.kokoro_speaks(language):
        return _better_piper(language, chosen)
    if chosen and chosen[0].engine == "piper" and config.tts.model == "auto":
        if config.tts.engine == "piper":
            return 'tts.engine = "auto", to let the plan choose'
        if config.tts.prefer == "speed" and len(chosen) > 1:
            return 'tts.prefer = "quality", for the more natural voice'
        if not gpu.tts and not kokoro_keeps_up(hardware, config):
            return "Kokoro needs a usable GPU or a faster processor"
    elif chosen and (chosen[0].device == "cuda" or not gpu.tts or config.tts.model != "auto"):
        return "nothing: it is the best there is"
    if chosen and gpu.tts:
        return _better_on_the_gpu(on_disk, room)
    sizes = [on_disk[name] for name in (*KOKORO, config.tts.model) if name in on_disk]
    if not sizes:
        return "kokoro-v1.0 needs `appliance models pull kokoro-v1.0`"
    missing = min(map(kokoro_memory, sizes)) - room.host
    return f"Kokoro needs {missing // MB + 1} MB more memory"


def _better_piper(language: str, chosen: Sequence[EngineOption]) -> str:
    """What a language that Kokoro does not speak would need to be spoken better."""
    if chosen and chosen[0].engine == "piper":
        return "nothing: it is the best there is"
    known = table.languages().get(language)
    piper = known.speaker("piper") if known else None
    if piper is None:
        return "nothing: no better voice is known for the language"
    return f"a Piper voice for the language, such as {piper.voices[0]}"


def _better_on_the_gpu(on_disk: Mapping[str, int], room: _Room) -> str:
    """What Kokoro would need to move from the processor to the GPU."""
    model = KOKORO_GPU
    if model not in on_disk:
        return f"{model} on the GPU needs `appliance models pull {model}`"
    missing = kokoro_memory(on_disk[model]) - room.on("cuda")
    return f"{model} on the GPU needs {missing // MB + 1} MB more memory"


def _warnings(config: Config, gpu: GpuSupport, on_disk: Mapping[str, int]) -> Iterator[str]:
    """What the configuration asks for and the machine cannot give."""
    for key, part in (("stt.model", config.stt), ("tts.model", config.tts)):
        name = part.model
        if part.engine != "timed" and name != "auto" and name not in on_disk:
            yield f"{key}: {name} is not on disk"
    if config.stt.device == "cuda" and not gpu.stt_types:
        yield f"stt.device is cuda, but {gpu.faults[0] if gpu.faults else gpu.reason}"
    yield from gpu.faults
    kind = config.stt.compute_type
    if kind not in ("auto", *gpu.stt_types, "int8", "float32"):
        yield f"stt.compute_type: {kind} needs a GPU, so int8 is used on the processor"


def _language_warnings(config: Config, stt: Sequence[EngineOption]) -> Iterator[str]:
    """What is missing for the configured language."""
    language = config.stt.language
    if language == "en" or config.stt.engine == "timed":
        return
    if not stt:
        yield (
            f"stt.language is {language}, but without a Whisper model only the starter engine"
            " hears, and it knows nothing but English commands"
        )
    named = WHISPER.get(config.stt.model)
    if named and named.english and any(option.model == named.name for option in stt):
        yield f"stt.language is {language}, but stt.model {named.name} knows English only"
