"""Whether the GPU of this machine may be used, and with which compute types. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.hardware.detect import Hardware, L4t

# Fastest first. On Orin, int8 on the GPU loads and then fails at the first transcription, so it
# is not among them; float32 is for cards whose libraries refuse the others.
_ORIN = ("float16", "int8_float16", "int8_float32")
_CARD = ("float16", "int8_float16", "int8_float32", "float32")

_NVMAP_BUG = L4t(36, 4, 7)
_OLDEST_LINE = 36  # JetPack 6: before it, no GPU build of the engines is to be had
_THOR_ONLY_LINE = 38
_OLDEST_CARD = (7, 0)  # float16 and int8 want tensor cores


@dataclass(frozen=True, slots=True)
class Wheels:
    """What the installed libraries find: devices of CTranslate2, providers of ONNX Runtime.

    `onnx_packages` are those of onnxruntime and onnxruntime-gpu that are installed: both of them
    write the same directory, and whichever came last is what there is.
    """

    ctranslate2_devices: int
    onnx_providers: tuple[str, ...]
    onnx_packages: tuple[str, ...] = ("onnxruntime-gpu",)

    @property
    def hear(self) -> bool:
        return self.ctranslate2_devices > 0

    @property
    def speak(self) -> bool:
        return "CUDAExecutionProvider" in self.onnx_providers


WITH_CUDA = Wheels(1, ("CUDAExecutionProvider", "CPUExecutionProvider"))
"""Libraries that can use any GPU that is there."""


@dataclass(frozen=True, slots=True)
class GpuSupport:
    """`types` are Whisper's compute types to try on the GPU, empty where it hears without it.

    `speaks`: the voice may run on it too. `reason` says why there is a GPU to use, or none; the
    `faults` are what keeps engines from a GPU that is well. `own_memory` is what a card of its
    own has to give, in bytes; None where the GPU takes it from the memory of the board.
    """

    reason: str
    types: tuple[str, ...] = ()
    speaks: bool = False
    own_memory: int | None = None
    faults: tuple[str, ...] = ()


def usable(hardware: Hardware, wheels: Wheels = WITH_CUDA) -> GpuSupport:
    """What the GPU is good for on this machine, with the libraries that are installed."""
    refused = _refusal(hardware)
    if refused:
        return GpuSupport(refused)
    faults = tuple(_faults(wheels))
    types = _ORIN if hardware.is_jetson else _CARD
    reason, own = f"{hardware.gpu}, sharing the memory of the board", None
    if not hardware.is_jetson:
        total = hardware.gpu_memory or 0
        free = total if hardware.gpu_memory_free is None else hardware.gpu_memory_free
        reason = f"{hardware.gpu} with {total / 1e9:.1f} GB, {free / 1e9:.1f} GB of them free"
        # A tenth is left to the display and to the fragments of other programs.
        own = max(0, free - total // 10)
    if not (wheels.hear or wheels.speak):
        reason = f"not used: no installed library can use {hardware.gpu}"
    return GpuSupport(reason, types if wheels.hear else (), wheels.speak, own, faults)


def _faults(wheels: Wheels) -> Iterator[str]:
    """What is wrong with the libraries on a machine whose GPU could be used."""
    if not wheels.hear:
        yield (
            "the GPU is not used for hearing: the installed ctranslate2 finds no CUDA device;"
            " install a build for this GPU (install.sh --wheels)"
        )
    if not wheels.speak and len(wheels.onnx_packages) > 1:
        yield (
            "the GPU is not used for speaking: the CPU package onnxruntime has overwritten"
            " onnxruntime-gpu; install that one last (install.sh --wheels)"
        )
    elif not wheels.speak:
        yield (
            "the GPU is not used for speaking: the installed onnxruntime has no"
            " CUDAExecutionProvider; install a build for this GPU (install.sh --wheels)"
        )


def _refusal(hardware: Hardware) -> str:
    """Why there is no GPU to use; empty where there is one."""
    if hardware.is_jetson:
        return _jetson_refusal(hardware)
    if not hardware.gpu:
        return "no NVIDIA GPU was found"
    if not hardware.gpu_memory:
        return f"how much memory {hardware.gpu} has is not known, so it is left alone"
    if hardware.compute_capability and hardware.compute_capability < _OLDEST_CARD:
        return f"{hardware.gpu} is too old: compute capability 7.0 is needed"
    return ""


def _jetson_refusal(hardware: Hardware) -> str:
    release = hardware.l4t
    if release is None:
        return "the release of Jetson Linux cannot be read, as in a container"
    if release.major < _OLDEST_LINE:
        return (
            f"L4T {release} is too old for GPU engines; JetPack 6 (L4T 36) is the first with them"
        )
    if release == _NVMAP_BUG:
        return f"L4T {release} cannot allocate GPU memory reliably; upgrade to 36.5 or later"
    if release.major == _THOR_ONLY_LINE and hardware.soc != "tegra264":
        return f"L4T {release} is for Thor boards only"
    if not hardware.gpu:
        return "the GPU has not come up; switch the board off and on again"
    return ""
