"""Recorded machines: directories of the files that detection reads, with lines of real boards."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from appliance.hardware.nvml import Card

R39_2_1 = (
    "# R39 (release), REVISION: 2.1, GCID: 46758480, BOARD: generic, EABI: aarch64, "
    "DATE: Fri Aug  7 05:54:22 AM UTC 2026\n# KERNEL_VARIANT: oot\n"
    "TARGET_USERSPACE_LIB_DIR=nvidia\n"
    "TARGET_USERSPACE_LIB_DIR_PATH=usr/lib/aarch64-linux-gnu/nvidia\n"
)
R39_2_0 = (
    "# R39 (release), REVISION: 2.0, GCID: 45755727, BOARD: generic, EABI: aarch64, "
    "DATE: Mon Jun  1 09:28:48 PM UTC 2026\n"
)
R36_4_7 = (
    "# R36 (release), REVISION: 4.7, GCID: 42132812, BOARD: generic, EABI: aarch64, "
    "DATE: Thu Sep 18 22:54:44 UTC 2025\n"
)
R35_3_1 = (
    "# R35 (release), REVISION: 3.1, GCID: 32790763, BOARD: t186ref, EABI: aarch64, "
    "DATE: Wed Mar 15 07:54:12 UTC 2023\n"
)
R32_7_1 = (
    "# R32 (release), REVISION: 7.1, GCID: 29689809, BOARD: t186ref, EABI: aarch64, "
    "DATE: Wed Feb  2 21:33:23 UTC 2022\n"
)
R38_4_0 = "# R38 (release), REVISION: 4.0, GCID: 1, BOARD: generic, EABI: aarch64, DATE: ?\n"


@dataclass(frozen=True)
class Board:
    """A Jetson. Memory in kB; `gpu` is the name of its devfreq node, empty where it is missing."""

    model: str
    compatible: tuple[str, ...]
    release: str = ""
    core: str = ""
    jetpack: str = ""
    total: int = 7_650_336
    available: int = 5_123_456
    cpus: str = "0-5"
    gpu: str = "17000000.gpu"
    more: dict[str, str] = field(default_factory=dict)

    def lay(self, root: Path) -> Path:
        """Writes the board's files below `root`."""
        write(root, "proc/device-tree/model", f"{self.model}\0")
        write(root, "proc/device-tree/compatible", "\0".join(self.compatible) + "\0")
        write(root, "sys/devices/system/cpu/online", self.cpus + "\n")
        write(root, "proc/meminfo", meminfo(self.total, self.available))
        if self.release:
            write(root, "etc/nv_tegra_release", self.release)
        packages = {"nvidia-l4t-core": self.core, "nvidia-jetpack": self.jetpack}
        write(root, "var/lib/dpkg/status", dpkg(packages))
        if self.gpu:
            write(root, f"sys/class/devfreq/{self.gpu}/device/load", "70\n")
        for name, content in self.more.items():
            write(root, name, content)
        return root


def write(root: Path, name: str, content: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(content)


def meminfo(total: int, available: int) -> str:
    return (
        f"MemTotal:        {total} kB\nMemFree:          120000 kB\n"
        f"MemAvailable:    {available} kB\nNvMapMemUsed:     805068 kB\n"
    )


def dpkg(packages: dict[str, str]) -> str:
    entries = ["Package: adduser\nStatus: install ok installed\nVersion: 3.137\n"]
    entries += [
        f"Package: {name}\nStatus: install ok installed\nPriority: standard\nVersion: {version}\n"
        for name, version in packages.items()
        if version
    ]
    entries.append("Package: nvidia-l4t-kernel\nStatus: deinstall ok config-files\nVersion: 1\n")
    return "\n".join(entries)


ORIN_NANO_SUPER = Board(
    "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
    ("nvidia,p3768-0000+p3767-0005-super", "nvidia,p3767-0005", "nvidia,tegra234"),
    R39_2_1,
    "39.2.1-20260806224157",
    "7.2.1-b49",
)
ORIN_NANO_4GB = Board(
    "NVIDIA Jetson Orin Nano Developer Kit",
    ("nvidia,p3768-0000+p3767-0004", "nvidia,p3767-0004", "nvidia,tegra234"),
    R39_2_0,
    "39.2.0-20260601141651",
    total=3_900_000,
    available=2_900_000,
)
ORIN_NX_16GB = Board(
    "NVIDIA Jetson Orin NX Engineering Reference Developer Kit",
    ("nvidia,p3768-0000+p3767-0000", "nvidia,p3767-0000", "nvidia,tegra234"),
    "",
    "36.5.0-20260115194252",
    "6.2.2+b24",
    total=15_900_000,
    available=13_000_000,
    cpus="0-7",
)
ORIN_NANO_BAD = Board(
    "NVIDIA Jetson Orin Nano Developer Kit",
    ("nvidia,p3768-0000+p3767-0005", "nvidia,p3767-0005", "nvidia,tegra234"),
    R36_4_7,
    "36.4.7-20250918154033",
    "6.2.1+b38",
)
AGX_ORIN = Board(
    "NVIDIA Jetson AGX Orin Developer Kit",
    ("nvidia,p3737-0000+p3701-0005", "nvidia,p3701-0005", "nvidia,tegra234"),
    R39_2_1,
    "39.2.1-20260806224157",
    total=64_000_000,
    available=58_000_000,
    cpus="0-11",
)
AGX_ORIN_JETPACK_5 = Board(
    "Jetson AGX Orin",
    ("nvidia,p3737-0000+p3701-0000", "nvidia,p3701-0000", "nvidia,tegra234"),
    R35_3_1,
    total=31_000_000,
    available=28_000_000,
    cpus="0-7,10-11",
    gpu="17000000.ga10b",
)
NANO = Board(
    "NVIDIA Jetson Nano Developer Kit",
    ("nvidia,p3450-0000", "nvidia,jetson-nano", "nvidia,tegra210"),
    R32_7_1,
    total=4_059_000,
    available=3_000_000,
    cpus="0-3",
    gpu="57000000.gpu",
)
THOR = Board(
    "NVIDIA Jetson AGX Thor Developer Kit",
    ("nvidia,p4071-0000+p3834-0008", "nvidia,p3834-0008", "nvidia,tegra264"),
    R38_4_0,
    total=128_000_000,
    available=120_000_000,
    cpus="0-13",
    gpu="gpu-gpc-0",
)
ORIN_NX_8GB = Board(
    "NVIDIA Jetson Orin NX Engineering Reference Developer Kit",
    ("nvidia,p3768-0000+p3767-0001", "nvidia,p3767-0001", "nvidia,tegra234"),
    R39_2_1,
    "39.2.1-20260806224157",
    "7.2.1-b49",
    available=5_600_000,
)
AGX_ORIN_32GB = Board(
    "NVIDIA Jetson AGX Orin Developer Kit",
    ("nvidia,p3737-0000+p3701-0004", "nvidia,p3701-0004", "nvidia,tegra234"),
    R39_2_1,
    "39.2.1-20260806224157",
    total=31_300_000,
    available=28_000_000,
    cpus="0-7",
)
THOR_JETPACK_7_2 = replace(THOR, release=R39_2_1, core="39.2.1-20260806224157")
HALF_USED = replace(ORIN_NANO_SUPER, available=3_800_000)
MOSTLY_USED = replace(ORIN_NANO_SUPER, available=2_500_000)
BOARDS = {
    "orin nano super": ORIN_NANO_SUPER,
    "orin nano 4 GB": ORIN_NANO_4GB,
    "orin nano with half its memory used": HALF_USED,
    "orin nano beside a language model": MOSTLY_USED,
    "orin nx 8 GB": ORIN_NX_8GB,
    "orin nx 16 GB": ORIN_NX_16GB,
    "orin nano with the bad release": ORIN_NANO_BAD,
    "agx orin": AGX_ORIN,
    "agx orin 32 GB": AGX_ORIN_32GB,
    "agx orin on jetpack 5": AGX_ORIN_JETPACK_5,
    "nano": NANO,
    "thor": THOR,
    "thor on jetpack 7.2": THOR_JETPACK_7_2,
}


@dataclass(frozen=True)
class Computer:
    """An ordinary machine, laid out as `Board` is. Memory in kB; `cards` as NVML reports them."""

    model: str
    architecture: str
    total: int
    available: int
    cpus: str
    cards: tuple[Card, ...] = ()
    in_device_tree: bool = False

    def lay(self, root: Path) -> Path:
        place = "proc/device-tree/model" if self.in_device_tree else "sys/class/dmi/id/product_name"
        write(root, place, f"{self.model}\n")
        write(root, "proc/sys/kernel/arch", f"{self.architecture}\n")
        write(root, "sys/devices/system/cpu/online", self.cpus + "\n")
        # Only a Jetson reports NvMap.
        lines = meminfo(self.total, self.available).splitlines()[:-1]
        write(root, "proc/meminfo", "\n".join(lines) + "\n")
        return root


RTX = Card(
    "NVIDIA GeForce RTX 4070", 12_878_610_432, 11_900_000_000, (8, 9), "580.65.06", 0.0, 38.0, 12.5
)
COMPUTERS = {
    "workstation with a card": Computer(
        "Precision 3680", "x86_64", 32_600_000, 26_000_000, "0-15", (RTX,)
    ),
    "workstation with a card in use": Computer(
        *("Precision 3680", "x86_64", 32_600_000, 26_000_000, "0-15"),
        (replace(RTX, memory_free=3_000_000_000),),
    ),
    "mini computer": Computer("NUC11TNHi5", "x86_64", 16_200_000, 13_000_000, "0-7"),
    "virtual machine": Computer("Standard PC", "x86_64", 2_000_000, 1_500_000, "0-1"),
    "raspberry pi 5": Computer(
        *("Raspberry Pi 5 Model B Rev 1.0", "aarch64", 8_250_000, 7_300_000, "0-3"),
        in_device_tree=True,
    ),
    "raspberry pi 4": Computer(
        *("Raspberry Pi 4 Model B Rev 1.4", "aarch64", 3_880_000, 3_200_000, "0-3"),
        in_device_tree=True,
    ),
}
