"""The appliance looks at itself: one check a file, each observes and advises, none repairs.

    Facts ─► run ─► a Finding for each check ─► Report ─► table, JSON, history, page

A check that raises or takes longer than its limit is a failure of that check alone. The order of
the table in `checks/__init__.py` is the order in which they run: from the board upwards to a
spoken conversation.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from appliance.selftest.context import CheckContext


class Verdict(StrEnum):
    """What came of a check. `skipped` is for what does not apply here, with the reason."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    `message` says what was seen; `advice` what to do about it, never empty for a warning or a
    failure. `figures` are measurements by name, their unit in the name. `title` and `seconds`,
    how long the check took, are the runner's to fill in.
    """

    check: str
    verdict: Verdict
    message: str
    advice: str = ""
    title: str = ""
    seconds: float = 0.0
    figures: Mapping[str, Any] = field(default_factory=dict)

    def with_figures(self, **figures: Any) -> "Finding":  # noqa: ANN401  any JSON value
        return replace(self, figures={**self.figures, **figures})


class Check(Protocol):
    """One thing to look at. It changes nothing, and leaves nothing behind."""

    name: ClassVar[str]
    title: ClassVar[str]
    limit: ClassVar[float]
    """Seconds, after which the check is given up as a failure."""

    async def run(self, facts: "CheckContext") -> Finding: ...


class BaseCheck:
    """What the findings of a check are called; for checks to inherit."""

    name: ClassVar[str]

    @classmethod
    def ok(cls, message: str) -> Finding:
        return Finding(cls.name, Verdict.OK, message)

    @classmethod
    def warning(cls, message: str, advice: str) -> Finding:
        return Finding(cls.name, Verdict.WARNING, message, advice)

    @classmethod
    def failure(cls, message: str, advice: str) -> Finding:
        return Finding(cls.name, Verdict.FAILURE, message, advice)

    @classmethod
    def skipped(cls, reason: str) -> Finding:
        return Finding(cls.name, Verdict.SKIPPED, reason)


@dataclass(frozen=True, slots=True)
class SelftestReport:
    """A whole self-test. `started_at` is in seconds since the epoch.

    `names` are those by which this household could be found; see `household.py`.
    """

    version: str
    started_at: float
    seconds: float
    machine: Mapping[str, Any]
    findings: tuple[Finding, ...]
    names: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of all findings."""
        found = {finding.verdict for finding in self.findings}
        worst = (Verdict.FAILURE, Verdict.WARNING)
        return next((verdict for verdict in worst if verdict in found), Verdict.OK)

    def count(self, verdict: Verdict) -> int:
        return sum(finding.verdict is verdict for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """What --json prints and the history keeps."""
        return {
            "version": self.version,
            "started_at": self.started_at,
            "seconds": self.seconds,
            "verdict": self.verdict,
            "counts": {str(verdict): self.count(verdict) for verdict in Verdict},
            "machine": dict(self.machine),
            "findings": [asdict(finding) for finding in self.findings],
            "names": list(self.names),
        }
