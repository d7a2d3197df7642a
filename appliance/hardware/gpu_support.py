"""GPU support: whether engines may use the GPU of a machine, and with which compute types.

`installed_libraries` asks the installed packages; everything else is pure.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from appliance.hardware.detect import Hardware, L4t

# Compute types, fastest first. On Orin, int8 on the GPU loads and then fails at the first
# transcription, so it is left out; float32 is for cards whose libraries refuse the others.
_ORIN = ("float16", "int8_float16", "int8_float32")
_CARD = ("float16", "int8_float16", "int8_float32", "float32")

_NVMAP_BUG = L4t(36, 4, 7)
_OLDEST_LINE = 36  # JetPack 6: there is no GPU build of the engines for older releases
_THOR_ONLY_LINE = 38
_OLDEST_CARD = (7, 0)  # float16 and int8 need tensor cores


@dataclass(frozen=True, slots=True)
class GpuLibraries:
    """What the installed libraries find: devices of CTranslate2, providers of ONNX Runtime.

    `onnx_packages` are those of onnxruntime and onnxruntime-gpu that are installed: both write
    into the same directory, and the one installed last wins.
    """

    ctranslate2_devices: int
    onnx_providers: tuple[str, ...]
    onnx_packages: tuple[str, ...] = ("onnxruntime-gpu",)

    @property
    def can_transcribe(self) -> bool:
        return self.ctranslate2_devices > 0

    @property
    def can_synthesize(self) -> bool:
        return "CUDAExecutionProvider" in self.onnx_providers


WITH_CUDA = GpuLibraries(1, ("CUDAExecutionProvider", "CPUExecutionProvider"))
"""Libraries that can use any GPU."""


@dataclass(frozen=True, slots=True)
class GpuSupport:
    """What the GPU may be used for.

    `reason` says why there is a GPU to use, or none. `stt_types` are Whisper's compute types to
    try on it, empty where Whisper must not use it; `tts`: whether Kokoro may. `own_memory` is what
    a graphics card has to give, in bytes; None where the GPU shares the memory of the board.
    `faults` are what keeps engines from a working GPU.
    """

    reason: str
    stt_types: tuple[str, ...] = ()
    tts: bool = False
    own_memory: int | None = None
    faults: tuple[str, ...] = ()


def gpu_support(hardware: Hardware, libraries: GpuLibraries = WITH_CUDA) -> GpuSupport:
    """What the GPU of this machine may be used for, given the installed libraries."""
    refused = _refusal(hardware)
    if refused:
        return GpuSupport(refused)
    faults = tuple(_faults(libraries))
    types = _ORIN if hardware.is_jetson else _CARD
    reason, own = f"{hardware.gpu}, sharing the memory of the board", None
    if not hardware.is_jetson:
        total = hardware.gpu_memory or 0
        free = total if hardware.gpu_memory_free is None else hardware.gpu_memory_free
        reason = f"{hardware.gpu} with {total / 1e9:.1f} GB, {free / 1e9:.1f} GB of them free"
        # A tenth is left for the display and other programs.
        own = max(0, free - total // 10)
    if not (libraries.can_transcribe or libraries.can_synthesize):
        reason = f"not used: no installed library can use {hardware.gpu}"
    return GpuSupport(
        reason, types if libraries.can_transcribe else (), libraries.can_synthesize, own, faults
    )


def _faults(libraries: GpuLibraries) -> Iterator[str]:
    """The faults of the libraries on a machine whose GPU could be used."""
    if not libraries.can_transcribe:
        yield (
            "the GPU is not used for hearing: the installed ctranslate2 finds no CUDA device;"
            " install a build for this GPU (install.sh --wheels)"
        )
    if not libraries.can_synthesize and len(libraries.onnx_packages) > 1:
        yield (
            "the GPU is not used for speaking: the CPU package onnxruntime has overwritten"
            " onnxruntime-gpu; install that one last (install.sh --wheels)"
        )
    elif not libraries.can_synthesize:
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


log = logging.getLogger(__name__)


def installed_libraries() -> GpuLibraries:
    """The abilities of the installed libraries. Takes a second and 100 MB.

    A library that cannot be imported, as without its CUDA, has none, and is logged.
    """
    return GpuLibraries(
        ctranslate2_devices=_devices(),
        onnx_providers=_providers(),
        onnx_packages=tuple(filter(_is_installed, ("onnxruntime", "onnxruntime-gpu"))),
    )


def _devices() -> int:
    try:
        import ctranslate2

        return int(ctranslate2.get_cuda_device_count())
    except RuntimeError:  # no driver, or one that is too old for it
        return 0
    except (ImportError, OSError) as error:
        log.error("ctranslate2 cannot be used: %s", error)
        return 0


def _providers() -> tuple[str, ...]:
    try:
        import onnxruntime
    except (ImportError, OSError) as error:
        log.error("onnxruntime cannot be used: %s", error)
        return ()
    return tuple(onnxruntime.get_available_providers())


def _is_installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False
