"""Defines a check of the self-test, its finding, and the report on all of them.

    CheckContext ─► runner ─► a Finding for each check ─► SelftestReport ─► table, JSON, page

A check observes and advises; it repairs nothing. One that raises or exceeds its limit is a
failure of that check alone. Checks run in the order of `checks.CHECKS`: from the board upwards
to a spoken conversation.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from appliance.selftest.context import CheckContext


class Verdict(StrEnum):
    """The outcome of a check. `skipped` is for a check that does not apply to this machine."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    `message` states what was observed, or why the check was skipped; `advice` states what to do
    about it and is never empty for a warning or a failure. `figures` are measurements by name,
    the unit in the name. The runner fills in `title` and `seconds`, the duration of the check.
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
    """One thing to look at. It changes nothing and leaves nothing behind."""

    name: ClassVar[str]
    title: ClassVar[str]
    limit: ClassVar[float]
    """Seconds, after which the runner gives the check up as a failure."""

    async def run(self, context: "CheckContext") -> Finding: ...


class BaseCheck:
    """Base class of checks: makes findings that carry the name of the check."""

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

    `names` are host names and addresses by which the owner could be found (see `redaction`);
    the page takes them out of a report that is handed on.
    """

    version: str
    started_at: float
    seconds: float
    machine: Mapping[str, Any]
    findings: tuple[Finding, ...]
    names: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of all findings; a skipped check counts as good."""
        found = {finding.verdict for finding in self.findings}
        worst = (Verdict.FAILURE, Verdict.WARNING)
        return next((verdict for verdict in worst if verdict in found), Verdict.OK)

    def count(self, verdict: Verdict) -> int:
        return sum(finding.verdict is verdict for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The report as `--json` prints it and the report store keeps it."""
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
