"""Checks that the release of Jetson Linux (L4T) is known to work."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from appliance.hardware.detect import Hardware, L4t
from appliance.selftest.check import BaseCheck, Finding, Verdict
from appliance.selftest.context import CheckContext


@dataclass(frozen=True, slots=True)
class KnownRelease:
    """A known problem of some releases. Exact revisions appear only where they are bad."""

    applies: Callable[[L4t, Hardware], bool]
    verdict: Verdict
    problem: str
    advice: str


KNOWN_PROBLEMS: tuple[KnownRelease, ...] = (
    KnownRelease(
        lambda release, _: release == L4t(36, 4, 7),
        Verdict.FAILURE,
        "it fails to allocate GPU memory that is free (NvMap error 12)",
        "Upgrade to L4T 36.5 or later: in /etc/apt/sources.list.d/nvidia-l4t-apt-source.list"
        " change r36.4 to r36.5, then `sudo apt update && sudo apt dist-upgrade` and restart.",
    ),
    KnownRelease(
        lambda release, hardware: release.major == 38 and hardware.soc != "tegra264",
        Verdict.FAILURE,
        "it is for Thor boards only",
        "Install JetPack 7.2 (L4T 39.2) with NVIDIA's SDK Manager, or JetPack 6.2.2 (L4T 36.5).",
    ),
    KnownRelease(
        lambda release, hardware: (
            release.major < 36 and hardware.soc in ("tegra210", "tegra186", "tegra194")
        ),
        Verdict.WARNING,
        "for this board there is no newer one with GPU engines; it runs on its processor",
        "Nothing is broken, and answers take longer. An Orin board would use its GPU.",
    ),
    KnownRelease(
        lambda release, _: release.major < 36,
        Verdict.WARNING,
        "there are no GPU engines for it, so everything runs on the processor",
        "Install JetPack 7.2 (L4T 39.2) with NVIDIA's SDK Manager, or JetPack 6.2.2 (L4T 36.5).",
    ),
    KnownRelease(
        lambda release, _: release < L4t(36, 4, 0),
        Verdict.WARNING,
        "its cuDNN is older than what current GPU engines want",
        "Upgrade to JetPack 6.2.2 (L4T 36.5) or 7.2 (L4T 39.2).",
    ),
)


class L4tReleaseCheck(BaseCheck):
    name: ClassVar[str] = "system"
    title: ClassVar[str] = "Jetson Linux"
    limit: ClassVar[float] = 5.0

    async def run(self, context: CheckContext) -> Finding:
        hardware = context.hardware
        release = hardware.l4t
        if not hardware.is_jetson:
            return self.skipped("this is no Jetson")
        if release is None:
            return self.warning(
                "the release of Jetson Linux cannot be read",
                "It is in /etc/nv_tegra_release outside a container; mount that file into the"
                " container, or reinstall the package nvidia-l4t-core.",
            )
        summary = f"L4T {release}" + (f", JetPack {hardware.jetpack}" if hardware.jetpack else "")
        for known in KNOWN_PROBLEMS:
            if known.applies(release, hardware):
                return Finding(
                    self.name, known.verdict, f"{summary}: {known.problem}", known.advice
                )
        return self.ok(summary)
