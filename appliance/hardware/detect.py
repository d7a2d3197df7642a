"""Detects the machine from files below any root, so that recorded boards can be read as well.

A Jetson board is recognised by its SoC in the device tree; arm64 alone is no Jetson. The release
of Jetson Linux comes from /etc/nv_tegra_release, else from the package database. The BOARD field
of the release file is always wrong and its date changes format, so neither is read.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.hardware import nvml, sysfs
from appliance.hardware.nvml import Card

# CUDA compute capability by SoC.
SOCS = {
    "tegra210": (5, 3),
    "tegra186": (6, 2),
    "tegra194": (7, 2),
    "tegra234": (8, 7),
    "tegra264": (11, 0),
}

_RELEASE = re.compile(r"^# R(\d+) \(release\), REVISION: (\d+)\.(\d+)", re.MULTILINE)
_VERSION = re.compile(r"^(\d+)\.(\d+)\.(\d+)")
_ELF_MACHINES = {0x3E: "x86_64", 0xB7: "aarch64", 0x28: "armv7l", 0xF3: "riscv64", 0x03: "i686"}


@dataclass(frozen=True, slots=True, order=True)
class L4t:
    """A release of Jetson Linux, such as 36.4.7."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, slots=True)
class Hardware:
    """A machine. Sizes are in bytes; empty and None stand for unknown.

    `memory_available` and `cores` are what this process may use, limits of containers included.
    `gpu` names an NVIDIA GPU whose driver is up; `gpu_memory`, `gpu_memory_free` and `driver` are
    those of a graphics card, from NVML. A GPU that shares the board's memory (every Jetson's) has
    no `gpu_memory`.
    """

    model: str
    architecture: str
    cores: int
    memory_total: int
    memory_available: int
    soc: str = ""
    module: str = ""
    l4t: L4t | None = None
    jetpack: str = ""
    compute_capability: tuple[int, int] | None = None
    gpu: str = ""
    gpu_memory: int | None = None
    gpu_memory_free: int | None = None
    driver: str = ""

    @property
    def is_jetson(self) -> bool:
        return self.soc in SOCS or self.l4t is not None

    @property
    def has_own_gpu_memory(self) -> bool:
        """Whether an engine on the GPU takes none of the machine's memory."""
        return self.gpu_memory is not None and not self.is_jetson


def detect(root: Path = Path("/"), cards: Callable[[], Sequence[Card]] | None = None) -> Hardware:
    """Detects the machine whose files are below `root`. Never raises for missing files.

    `cards` lists its graphics cards; the default is NVML, and no cards for a recorded machine.
    """
    compatible = _device_tree(root, "compatible").split()
    soc = next((soc for soc in SOCS if f"nvidia,{soc}" in compatible), "")
    packages = _packages(root, ("nvidia-l4t-core", "nvidia-jetpack"))
    total, available = memory(root)
    l4t = _l4t(root, packages.get("nvidia-l4t-core", ""))
    card = _card(soc, cards or (nvml.cards if root == Path("/") else tuple))
    return Hardware(
        model=_model(root),
        architecture=_architecture(root, soc),
        cores=cores(root),
        memory_total=total,
        memory_available=available,
        soc=soc,
        module=_module(compatible),
        l4t=l4t,
        jetpack=packages.get("nvidia-jetpack", ""),
        compute_capability=card.capability if card else SOCS.get(soc),
        gpu=card.name if card else _gpu(root, soc),
        # In a container, NVML may report a Jetson's GPU, whose memory is nevertheless the board's.
        gpu_memory=card.memory_total if card and not l4t else None,
        gpu_memory_free=card.memory_free if card and not l4t else None,
        driver=card.driver if card else "",
    )


def _card(soc: str, cards: Callable[[], Sequence[Card]]) -> Card | None:
    """The card with the least free memory, as it is unknown which one the engines will take.

    None on a Jetson, whose NVML reports next to nothing.
    """
    found = () if soc else cards()
    return min(found, key=lambda card: card.memory_free or 0, default=None)


def _device_tree(root: Path, name: str) -> str:
    places = ("proc/device-tree", "sys/firmware/devicetree/base")
    return next(filter(None, (sysfs.text(root / place / name) for place in places)), "")


def _model(root: Path) -> str:
    if model := _device_tree(root, "model"):
        return model
    if product := sysfs.text(root / "sys/class/dmi/id/product_name"):
        return product
    named = re.search(r"^model name\s*:\s*(.+)$", sysfs.text(root / "proc/cpuinfo"), re.MULTILINE)
    return named[1] if named else ""


def _module(compatible: list[str]) -> str:
    """The part number of the module (p3767-0005), not that of the board that carries it (p3768)."""
    parts = re.findall(r"p\d{4}-\d{4}", " ".join(compatible))
    return str(parts[-1]) if parts else ""


def _l4t(root: Path, package: str) -> L4t | None:
    found = _RELEASE.search(sysfs.text(root / "etc/nv_tegra_release")) or _VERSION.match(package)
    return L4t(*map(int, found.groups())) if found else None


def _packages(root: Path, names: tuple[str, ...]) -> dict[str, str]:
    """The versions of installed Debian packages."""
    versions = {}
    for entry in sysfs.text(root / "var/lib/dpkg/status").split("\n\n"):
        if not any(name in entry for name in names):
            continue
        fields = dict(re.findall(r"^(Package|Status|Version): (.+)$", entry, re.MULTILINE))
        if fields.get("Package") in names and fields.get("Status", "").endswith(" installed"):
            versions[fields["Package"]] = fields.get("Version", "")
    return versions


def _architecture(root: Path, soc: str) -> str:
    """The architecture as in `uname -m`; with older kernels, from the header of a program."""
    if named := sysfs.text(root / "proc/sys/kernel/arch"):
        return named
    for program in ("usr/bin/env", "bin/sh", "sbin/init"):
        try:
            with (root / program).open("rb") as binary:
                header = binary.read(20)
        except OSError:
            continue
        if header[:4] == b"\x7fELF" and len(header) == 20:
            return _ELF_MACHINES.get(int.from_bytes(header[18:20], "little"), "unknown")
    return "aarch64" if soc else "unknown"


def cores(root: Path) -> int:
    """The number of processor cores that this process may use, at least one."""
    online = sysfs.text(root / "sys/devices/system/cpu/online")
    counted = sum(_span(part) for part in online.split(",") if part)
    available = counted or sysfs.text(root / "proc/cpuinfo").count("processor\t") or 1
    return min(available, sysfs.cores(root) or available)


def _span(part: str) -> int:
    """The number of cores in a range such as "0-5" or "7"."""
    first, _, last = part.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        return 0
    return int(last or first) - int(first) + 1


def memory(root: Path) -> tuple[int, int]:
    """Total and available bytes of memory, limits included; 0 where unknown."""
    known = sysfs.meminfo(root)
    total, available = known.get("MemTotal", 0), known.get("MemAvailable", 0)
    for limit, left in sysfs.memory(root):
        if limit < total:
            total, available = limit, min(available, left)
    return total, available


def _gpu(root: Path, soc: str) -> str:
    """The name of the NVIDIA GPU, if its driver has brought it up."""
    for card in sysfs.entries(root / "proc/driver/nvidia/gpus", "*/information"):
        named = re.search(r"^Model:\s*(.+)$", sysfs.text(card), re.MULTILINE)
        if named:
            return named[1].strip()
    return f"{soc} integrated GPU" if soc and gpu_nodes(root) else ""


def gpu_nodes(root: Path) -> list[Path]:
    """The devfreq nodes of an integrated NVIDIA GPU, which may appear late in the boot.

    Their names change with every release (17000000.ga10b, 17000000.gpu, gpu-gpc-0), so the name
    in the device tree counts as well.
    """
    chips = ("gv11b", "gp10b", "ga10b", "gb10b", "gm20b", "gpu")
    return [
        node
        for node in sysfs.entries(root / "sys/class/devfreq")
        if any(chip in node.name + sysfs.text(node / "device/of_node/name") for chip in chips)
    ]
