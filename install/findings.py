"""findings.py <REPORT: the names of the checks that failed, a line for each.

REPORT is what `appliance selftest --json` prints, of any release. For install.sh.
"""

import json
import sys

if __name__ == "__main__":
    for finding in json.load(sys.stdin)["findings"]:
        if finding["verdict"] == "failure":
            print(finding["check"])
