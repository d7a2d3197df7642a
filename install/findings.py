"""findings.py [--tell] <REPORT: the names of the checks that failed, a line for each.

REPORT is what `appliance selftest --json` prints. --tell shows all of it to people, on the
standard error; for install.sh, in the environment of the release that made it.
"""

import json
import shutil
import sys
from collections.abc import Mapping
from typing import Any

from appliance.selftest import Finding, Report, Verdict, render

WIDTH = 100


def failed(report: Mapping[str, Any]) -> list[str]:
    """Of a report of any release."""
    return [one["check"] for one in report["findings"] if one["verdict"] == Verdict.FAILURE]


def told(report: Mapping[str, Any], width: int = WIDTH) -> str:
    """The table that `appliance selftest` prints."""
    findings = tuple(
        Finding(**{**one, "verdict": Verdict(one["verdict"])}) for one in report["findings"]
    )
    whole = Report(report["version"], report["started_at"], report["seconds"], {}, findings)
    rows = [render.row(finding, _plain, width) for finding in findings]
    return "\n".join([*rows, render.summary(whole, _plain)])


def _plain(text: str, _colour: str) -> str:
    return text


def main(*options: str) -> int:
    report = json.load(sys.stdin)
    if "--tell" in options:
        print(told(report, shutil.get_terminal_size((WIDTH, 24)).columns), file=sys.stderr)
    for name in failed(report):
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
