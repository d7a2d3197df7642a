from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.config.loader import Config, load
from appliance.hardware.detect import Hardware, L4t, detect
from appliance.hardware.gpu_support import WITH_CUDA, GpuLibraries
from appliance.hardware.model_profiles import KOKORO, MB, WHISPER, whisper_memory
from appliance.hardware.plan import SESSION_BYTES, STARTER_BYTES, Plan, plan, reserve_of
from appliance.hardware.plan_table import describe
from tests.hardware.boards import BOARDS

DEFAULTS = load([], {"APPLIANCE__ACCESS__MODE": "open"})
EVERYTHING = {name: model.bytes for name, model in WHISPER.items()} | {
    name: model.bytes for name, model in KOKORO.items()
}
VOICES = {"en_US-joe-medium": 63 * MB, "en_GB-alba-high": 110 * MB, "de_DE-thorsten-low": 63 * MB}
DESKTOP = Hardware("Desktop", "x86_64", 8, 16_000 * MB, 12_000 * MB)


def configured(**settings: str) -> Config:
    """The defaults with some keys changed, named section__key."""
    return load([], {f"APPLIANCE__{name.upper()}": value for name, value in settings.items()})


def best(made: Plan) -> tuple[str, str]:
    first, voice = made.stt.options[0], made.tts.options[0]
    return (
        " ".join(filter(None, (first.engine, first.model, first.compute_type, first.device))),
        " ".join(filter(None, (voice.engine, voice.model, voice.device))),
    )


@pytest.mark.parametrize(
    ("name", "stt", "tts"),
    [
        ("orin nano super", "whisper small.en float16 cuda", "kokoro kokoro-v1.0 cuda"),
        ("orin nano 4 GB", "whisper base.en float16 cuda", "kokoro kokoro-v1.0 cuda"),
        ("orin nx 16 GB", "whisper large-v3-turbo float16 cuda", "kokoro kokoro-v1.0 cuda"),
        (
            "orin nano with the bad release",
            "whisper base.en int8 cpu",
            "kokoro kokoro-v1.0.int8 cpu",
        ),
        ("agx orin", "whisper large-v3-turbo float16 cuda", "kokoro kokoro-v1.0 cuda"),
        ("agx orin on jetpack 5", "whisper base.en int8 cpu", "kokoro kokoro-v1.0.int8 cpu"),
        ("nano", "whisper base.en int8 cpu", "kokoro kokoro-v1.0.int8 cpu"),
        ("thor", "whisper large-v3-turbo float16 cuda", "kokoro kokoro-v1.0 cuda"),
    ],
)
def test_boards_with_every_model_on_disk(tmp_path: Path, name: str, stt: str, tts: str) -> None:
    made = plan(detect(BOARDS[name].lay(tmp_path)), DEFAULTS, EVERYTHING)
    assert best(made) == (stt, tts)


def test_the_ladder_of_an_orin(tmp_path: Path) -> None:
    hardware = detect(BOARDS["orin nano super"].lay(tmp_path))
    disk = {"small.en": EVERYTHING["small.en"], "base.en": EVERYTHING["base.en"]}
    made = plan(hardware, DEFAULTS, disk)
    assert [(r.model, r.compute_type, r.device) for r in made.stt.options] == [
        ("small.en", "float16", "cuda"),
        ("small.en", "int8_float16", "cuda"),
        ("small.en", "int8_float32", "cuda"),
        ("base.en", "float16", "cuda"),
        ("base.en", "int8_float16", "cuda"),
        ("base.en", "int8_float32", "cuda"),
        ("base.en", "int8", "cpu"),
        ("base.en", "float32", "cpu"),
        ("", "", "cpu"),
    ]
    assert made.stt.options[1].reason == "if float16 fails"


def test_without_turbo_the_largest_model_serves_the_largest_boards(tmp_path: Path) -> None:
    disk = {name: size for name, size in EVERYTHING.items() if "turbo" not in name}
    made = plan(detect(BOARDS["agx orin"].lay(tmp_path)), DEFAULTS, disk)
    assert best(made)[0] == "whisper large-v3 float16 cuda"
    assert made.stt.better == "large-v3-turbo needs `appliance models pull large-v3-turbo`"


def test_with_half_the_memory_in_use_a_smaller_option_is_taken(tmp_path: Path) -> None:
    hardware = detect(BOARDS["orin nano super"].lay(tmp_path))
    tight = replace(hardware, memory_available=2_600 * MB)
    stt, tts = best(plan(tight, DEFAULTS, EVERYTHING))
    assert stt == "whisper base.en float16 cuda"
    assert tts == "kokoro kokoro-v1.0.int8 cpu"
    starved = plan(replace(hardware, memory_available=900 * MB), DEFAULTS, EVERYTHING)
    assert best(starved) == ("sphinx cpu", "espeak cpu")
    assert starved.sessions >= 1
    assert "more memory" in starved.stt.better
    assert "more memory" in starved.tts.better


def test_without_models_the_starter_engines_are_taken() -> None:
    made = plan(DESKTOP, DEFAULTS, {})
    assert best(made) == ("sphinx cpu", "espeak cpu")
    assert "appliance models pull" in made.stt.better
    assert made.tts.better == "kokoro-v1.0 needs `appliance models pull kokoro-v1.0`"
    assert made.sessions == 64


def voices(made: Plan) -> list[str]:
    """The engines of the voice's ladder, with the first letters of Piper's voices."""
    return [f"{option.engine} {option.model[:5]}".strip() for option in made.tts.options]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, ["kokoro kokor", "piper en_US", "espeak"]),
        ({"tts__prefer": "speed"}, ["piper en_US", "kokoro kokor", "espeak"]),
        ({"tts__threads": "1"}, ["piper en_US", "kokoro kokor", "espeak"]),
        ({"tts__engine": "piper"}, ["piper en_US", "espeak"]),
        ({"tts__engine": "kokoro"}, ["kokoro kokor", "espeak"]),
        ({"stt__language": "de"}, ["piper de_DE", "kokoro kokor", "espeak"]),
        ({"stt__language": "nl"}, ["kokoro kokor", "espeak"]),
        ({"stt__language": "fr"}, ["kokoro kokor", "espeak"]),
        ({"stt__language": "auto"}, ["kokoro kokor", "piper en_US", "espeak"]),
        ({"tts__model": "de_DE-thorsten-low"}, ["piper de_DE", "espeak"]),
        ({"tts__model": "kokoro-v1.0.int8"}, ["kokoro kokor", "espeak"]),
        ({"tts__model": "gone"}, ["kokoro kokor", "piper en_US", "espeak"]),
    ],
)
def test_piper_stands_where_language_wish_and_speed_put_it(
    settings: dict[str, str], wanted: list[str]
) -> None:
    disk = {**VOICES, "kokoro-v1.0.int8": EVERYTHING["kokoro-v1.0.int8"]}
    made = plan(DESKTOP, configured(**settings), disk)
    assert voices(made) == wanted
    assert made.tts.options[0].reason


@pytest.mark.parametrize(
    ("language", "better"),
    [
        ("de", "nothing: it is the best there is"),
        ("nl", "a Piper voice for the language, such as nl_BE-nathalie-medium"),
        ("eu", "nothing: no better voice is known for the language"),
    ],
)
def test_a_language_that_kokoro_does_not_speak_wants_a_piper_voice(
    language: str, better: str
) -> None:
    disk = {**VOICES, "kokoro-v1.0.int8": EVERYTHING["kokoro-v1.0.int8"]}
    made = plan(DESKTOP, configured(stt__language=language), disk)
    assert made.tts.better == better


def test_piper_comes_before_a_kokoro_that_cannot_keep_up() -> None:
    slow = replace(DESKTOP, architecture="aarch64", cores=4)
    made = plan(slow, DEFAULTS, {**VOICES, "kokoro-v1.0.int8": EVERYTHING["kokoro-v1.0.int8"]})
    assert voices(made) == ["piper en_US", "kokoro kokor", "espeak"]
    assert "Kokoro cannot keep up" in made.tts.options[0].reason
    assert made.tts.better == "Kokoro needs a usable GPU or a faster processor"


@pytest.mark.parametrize(
    ("settings", "better"),
    [
        ({}, "kokoro-v1.0 needs `appliance models pull kokoro-v1.0`"),
        ({"tts__engine": "piper"}, 'tts.engine = "auto", to let the plan choose'),
        ({"tts__prefer": "speed"}, "kokoro-v1.0 needs `appliance models pull kokoro-v1.0`"),
    ],
)
def test_without_kokoro_piper_is_the_best_voice(settings: dict[str, str], better: str) -> None:
    made = plan(DESKTOP, configured(**settings), VOICES)
    assert voices(made) == ["piper en_US", "espeak"]
    assert made.tts.options[0].reason == "the best voice on disk, on the processor"
    assert made.tts.better == better


def test_piper_serves_where_kokoro_does_not_fit_into_the_memory() -> None:
    small = replace(DESKTOP, memory_available=1_500 * MB, memory_total=2_000 * MB)
    made = plan(small, DEFAULTS, {**VOICES, "kokoro-v1.0": EVERYTHING["kokoro-v1.0"]})
    assert voices(made) == ["piper en_US", "espeak"]
    assert "the best that fits into memory" in made.tts.options[0].reason
    assert "more memory" in made.tts.better


def test_a_wish_for_speed_is_what_keeps_the_more_natural_voice_back() -> None:
    made = plan(DESKTOP, configured(tts__prefer="speed"), {**EVERYTHING, **VOICES})
    assert made.tts.better == 'tts.prefer = "quality", for the more natural voice'


def test_a_graphics_card_has_memory_of_its_own() -> None:
    card = replace(DESKTOP, gpu="NVIDIA Something", compute_capability=(8, 6))
    unknown = plan(card, DEFAULTS, EVERYTHING)
    assert unknown.stt.options[0].device == "cpu"
    assert "is not known" in unknown.accelerator
    large = plan(replace(card, gpu_memory=24_000 * MB), DEFAULTS, EVERYTHING)
    assert best(large) == ("whisper large-v3-turbo float16 cuda", "kokoro kokoro-v1.0 cuda")
    small = plan(replace(card, gpu_memory=2_500 * MB), DEFAULTS, EVERYTHING)
    assert best(small)[0] == "whisper large-v3-turbo int8_float16 cuda"
    old = replace(card, gpu_memory=8_000 * MB, compute_capability=(6, 1))
    assert plan(old, DEFAULTS, EVERYTHING).stt.options[0].device == "cpu"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"l4t": L4t(36, 4, 7)}, "upgrade to 36.5"),
        ({"l4t": L4t(35, 3, 1)}, "too old"),
        ({"l4t": L4t(38, 2, 0)}, "Thor"),
        ({"l4t": None}, "cannot be read"),
        ({"gpu": ""}, "has not come up"),
    ],
)
def test_a_gpu_that_cannot_be_used_says_why(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    hardware = detect(BOARDS["orin nano super"].lay(tmp_path))
    made = plan(replace(hardware, **change), DEFAULTS, EVERYTHING)
    assert reason in made.accelerator
    assert made.stt.options[0].device == "cpu"


def test_unknown_revisions_of_a_known_line_are_used(tmp_path: Path) -> None:
    hardware = detect(BOARDS["orin nano super"].lay(tmp_path))
    for release in (L4t(36, 4, 8), L4t(36, 9, 0), L4t(39, 7, 3), L4t(41, 0, 0)):
        made = plan(replace(hardware, l4t=release), DEFAULTS, EVERYTHING)
        assert made.stt.options[0].device == "cuda", release


def test_models_named_in_the_configuration_come_first() -> None:
    named = configured(stt__model="/models/mine", tts__model="/models/voice.onnx", stt__threads="3")
    disk = {"/models/mine": 40 * MB, "/models/voice.onnx": 9 * MB, "base.en": 145 * MB}
    made = plan(DESKTOP, named, disk)
    assert best(made) == ("whisper /models/mine int8 cpu", "kokoro /models/voice.onnx cpu")
    assert made.stt.options[0].threads == 3
    assert made.stt.options[0].reason == "named in the configuration"
    assert "base.en" in {option.model for option in made.stt.options}
    assert not made.warnings
    absent = plan(DESKTOP, named, {})
    assert absent.warnings == (
        "stt.model: /models/mine is not on disk",
        "tts.model: /models/voice.onnx is not on disk",
    )


def test_the_configuration_limits_the_options(tmp_path: Path) -> None:
    orin = detect(BOARDS["orin nano super"].lay(tmp_path))
    simple = plan(orin, configured(stt__engine="sphinx", tts__engine="espeak"), EVERYTHING)
    assert [option.engine for option in (*simple.stt.options, *simple.tts.options)] == [
        "sphinx",
        "espeak",
    ]
    cpu = plan(orin, configured(stt__device="cpu"), EVERYTHING)
    assert {option.device for option in cpu.stt.options} == {"cpu"}
    typed = plan(orin, configured(stt__compute_type="int8_float16"), EVERYTHING)
    assert typed.stt.options[0].compute_type == "int8_float16"
    german = plan(orin, configured(stt__language="de"), EVERYTHING)
    assert german.stt.options[0].model == "small"
    no_gpu = plan(DESKTOP, configured(stt__device="cuda"), EVERYTHING)
    assert no_gpu.warnings == ("stt.device is cuda, but no NVIDIA GPU was found",)
    wrong = plan(DESKTOP, configured(stt__compute_type="float16"), EVERYTHING)
    assert wrong.stt.options[0].compute_type == "int8"
    assert "needs a GPU" in wrong.warnings[0]


def test_the_session_limit_and_its_reason() -> None:
    few = plan(replace(DESKTOP, cores=2), DEFAULTS, {})
    assert few.sessions == 16
    assert "2 processor cores" in few.sessions_reason
    tight = plan(replace(DESKTOP, memory_total=1_000 * MB, memory_available=500 * MB), DEFAULTS, {})
    assert tight.sessions == (500 - 256 - 220) // 15
    assert "memory" in tight.sessions_reason
    chosen = plan(DESKTOP, configured(limits__sessions="3"), {})
    assert (chosen.sessions, chosen.sessions_reason) == (3, "set in the configuration")


def test_the_session_limit_counts_voices() -> None:
    two_cores = replace(DESKTOP, cores=2)
    disk = {"base.en": EVERYTHING["base.en"]}
    int8 = disk | {"kokoro-v1.0.int8": EVERYTHING["kokoro-v1.0.int8"]}
    mute, spoken = plan(two_cores, DEFAULTS, disk), plan(two_cores, DEFAULTS, int8)
    assert (mute.sessions, spoken.sessions) == (8, 4)
    assert spoken.sessions_reason == "as many as kokoro can speak for without a noticeable wait"
    assert plan(DESKTOP, DEFAULTS, int8).sessions > spoken.sessions
    chosen = plan(two_cores, configured(limits__sessions="48"), int8)
    assert chosen.sessions == 48
    timed = plan(two_cores, configured(tts__engine="timed", tts__model="80ms"), int8)
    assert timed.sessions == 8
    slow = replace(two_cores, architecture="aarch64")
    assert plan(slow, DEFAULTS, int8).sessions == 1


def test_the_plan_in_words(tmp_path: Path) -> None:
    board = BOARDS["orin nano super"]
    text = describe(plan(detect(board.lay(tmp_path)), DEFAULTS, EVERYTHING))
    for part in (
        board.model,
        "L4T 39.2.1, JetPack 7.2.1-b49",
        "whisper small.en float16 cuda",
        "kokoro kokoro-v1.0 float32 cuda",
        "better: medium needs a faster GPU",
        "always loaded, if all others fail",
        "sessions  32",
    ):
        assert part in text
    assert "warning" in describe(plan(DESKTOP, configured(stt__model="nothing"), {}))


def test_memory_estimates_are_near_reported_values() -> None:
    """Reported on desktop GPUs: large-v3-turbo 2537 and 1545 MB, large-v2 4525 and 2926 MB."""
    turbo, large = EVERYTHING["large-v3-turbo"], EVERYTHING["large-v3"]
    for weights, kind, reported in (
        (turbo, "float16", 2537),
        (turbo, "int8_float16", 1545),
        (large, "float16", 4525),
        (large, "int8_float16", 2926),
    ):
        assert whisper_memory(weights, "cuda", kind) == pytest.approx(reported * MB, rel=0.1)


machines = st.builds(
    Hardware,
    model=st.just("any"),
    architecture=st.sampled_from(["x86_64", "aarch64"]),
    cores=st.integers(1, 64),
    memory_total=st.just(0),
    memory_available=st.integers(0, 80_000).map(lambda mb: mb * MB),
    soc=st.sampled_from(["", "tegra210", "tegra234", "tegra264"]),
    l4t=st.none() | st.builds(L4t, st.integers(32, 41), st.integers(0, 9), st.integers(0, 9)),
    gpu=st.sampled_from(["", "A GPU"]),
    gpu_memory=st.none() | st.integers(0, 50_000).map(lambda mb: mb * MB),
).map(lambda machine: replace(machine, memory_total=machine.memory_available * 5 // 4))
configs = st.builds(
    configured,
    stt__engine=st.sampled_from(["auto", "whisper", "sphinx"]),
    tts__engine=st.sampled_from(["auto", "kokoro", "piper", "espeak"]),
    tts__prefer=st.sampled_from(["quality", "speed"]),
    stt__model=st.sampled_from(["auto", "small", "large-v3", "/mine"]),
    stt__device=st.sampled_from(["auto", "cuda", "cpu"]),
    stt__compute_type=st.sampled_from(["auto", "float16", "int8", "int8_float32"]),
    stt__language=st.sampled_from(["en", "de", "auto"]),
)
disks = st.dictionaries(
    st.sampled_from([*EVERYTHING, *VOICES, "/mine"]), st.integers(1, 5_000).map(lambda mb: mb * MB)
)


# A Jetson whose device tree cannot be read, as in a container, where NVML reports its GPU.
CONTAINER = Hardware(
    *("any", "x86_64", 1, 1_423_750_000, 1_139_000_000),
    l4t=L4t(36, 0, 0),
    gpu="A GPU",
    gpu_memory=0,
)


@given(machines, configs, disks)
@example(CONTAINER, DEFAULTS, {"tiny": 1 * MB})
def test_every_plan_keeps_within_its_budget(
    hardware: Hardware, config: Config, disk: dict[str, int]
) -> None:
    made = plan(hardware, config, disk)
    assert made == plan(hardware, config, dict(reversed(disk.items())))
    assert made.stt.options[-1].engine == "sphinx"
    assert made.tts.options[-1].engine == "espeak"
    assert made.sessions >= 1
    assert made.budget <= max(0, hardware.memory_available - reserve_of(hardware.memory_total))
    ladders = [made.stt.options[:-1], made.tts.options[:-1]]
    options = [*ladders[0], *ladders[1]]
    assert all(option.model in disk for option in options)
    assert all(option.reason and option.threads >= 1 for option in options)
    own = hardware.gpu_memory if not hardware.is_jetson else None
    host = sum(
        max((o.memory for o in ladder if own is None or o.device == "cpu"), default=0)
        for ladder in ladders
    )
    card = sum(
        max((o.memory for o in ladder if o.device == "cuda"), default=0) for ladder in ladders
    )
    if options:
        needed = host + STARTER_BYTES + made.sessions * SESSION_BYTES
        assert needed <= made.budget or not host
        assert own is None or card <= own
    assert describe(made)


def test_an_engine_on_a_shared_gpu_takes_memory_of_the_board() -> None:
    """Whatever NVML reports as the memory of that GPU."""
    made = plan(CONTAINER, DEFAULTS, {"tiny": 1 * MB})
    largest = made.stt.options[0]
    assert largest.device == "cuda"
    assert made.sessions == (made.budget - STARTER_BYTES - largest.memory) // SESSION_BYTES
    assert not made.uses_card


def worth(made: Plan, best: Plan) -> tuple[int, int]:
    """Kinds of engine above their starter, and the rank of the transcriber on the best ladder."""
    places = {(r.model, r.device, r.compute_type): -i for i, r in enumerate(best.stt.options)}
    first = made.stt.options[0]
    beyond = (len(made.stt.options) > 1) + (len(made.tts.options) > 1)
    return beyond, places[first.model, first.device, first.compute_type]


@given(machines, configs, st.integers(0, 20_000), st.integers(0, 20_000))
def test_more_memory_never_makes_a_plan_worse(
    hardware: Hardware, config: Config, more: int, more_on_card: int
) -> None:
    card = hardware.gpu_memory
    own = None if card is None else card + more_on_card * MB
    richer = replace(
        hardware, memory_available=hardware.memory_available + more * MB, gpu_memory=own
    )
    all_there_is = replace(hardware, memory_available=10**12, gpu_memory=own and 10**12)
    best = plan(all_there_is, config, EVERYTHING)
    poorer = plan(hardware, config, EVERYTHING)
    assert worth(plan(richer, config, EVERYTHING), best) >= worth(poorer, best)
    assert poorer.stt.options[-1].engine == "sphinx"
    assert poorer.tts.options[-1].engine == "espeak"


def test_the_libraries_decide_what_may_use_the_gpu(tmp_path: Path) -> None:
    hardware = detect(BOARDS["orin nano super"].lay(tmp_path))
    deaf = plan(hardware, DEFAULTS, EVERYTHING, GpuLibraries(0, WITH_CUDA.onnx_providers))
    assert best(deaf) == ("whisper base.en int8 cpu", "kokoro kokoro-v1.0 cuda")
    assert "ctranslate2 finds no CUDA device" in deaf.warnings[0]
    mute = plan(hardware, DEFAULTS, EVERYTHING, GpuLibraries(1, ("CPUExecutionProvider",)))
    assert best(mute) == ("whisper small.en float16 cuda", "kokoro kokoro-v1.0.int8 cpu")
    assert "no CUDAExecutionProvider" in mute.warnings[0]
    both = ("onnxruntime", "onnxruntime-gpu")
    overwritten = plan(
        hardware, DEFAULTS, EVERYTHING, GpuLibraries(1, ("CPUExecutionProvider",), both)
    )
    assert "has overwritten onnxruntime-gpu" in overwritten.warnings[0]
    neither = plan(hardware, DEFAULTS, EVERYTHING, GpuLibraries(0, ("CPUExecutionProvider",)))
    assert "no installed library can use" in neither.accelerator
    asked = configured(stt__device="cuda")
    assert "stt.device is cuda, but" in plan(hardware, asked, {}, GpuLibraries(0, ())).warnings[0]


def test_a_card_in_use_gives_what_is_free() -> None:
    card = replace(DESKTOP, gpu="A card", gpu_memory=24_000 * MB, gpu_memory_free=3_500 * MB)
    made = plan(card, DEFAULTS, EVERYTHING)
    assert best(made)[0] == "whisper small.en int8_float16 cuda"
    assert made.uses_card
    assert not plan(card, configured(stt__device="cpu", tts__engine="espeak"), EVERYTHING).uses_card
    assert (
        plan(replace(card, gpu_memory_free=0), DEFAULTS, EVERYTHING).stt.options[0].device == "cpu"
    )


def test_other_languages_need_a_multilingual_whisper() -> None:
    alone = plan(DESKTOP, configured(stt__language="auto"), {})
    assert "nothing but English" in alone.warnings[0]
    german = plan(DESKTOP, configured(stt__language="de", stt__model="base.en"), EVERYTHING)
    assert german.warnings == ("stt.language is de, but stt.model base.en knows English only",)
    made = plan(DESKTOP, configured(stt__language="auto"), EVERYTHING)
    assert (made.warnings, made.stt.options[0].model) == ((), "base")
