"""Whether the GPU of this machine may be used, and with which compute types. Pure."""

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
class Accelerator:
    """`types` are the compute types to try, empty where the GPU is not used; `reason` says why.

    `own_memory` is what a card of its own has to give, in bytes; None where the GPU takes it from
    the memory of the board.
    """

    reason: str
    types: tuple[str, ...] = ()
    own_memory: int | None = None


def usable(hardware: Hardware) -> Accelerator:
    """What the GPU is good for on this machine."""
    refused = _refusal(hardware)
    if refused:
        return Accelerator(refused)
    if hardware.is_jetson:
        return Accelerator(f"{hardware.gpu}, sharing the memory of the board", _ORIN)
    own = hardware.gpu_memory or 0
    # A tenth is left to the display and to the fragments of other programs.
    return Accelerator(f"{hardware.gpu} with {own / 1e9:.1f} GB", _CARD, own - own // 10)


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
