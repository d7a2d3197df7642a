"""Runs the appliance with a probe in its event loop, which writes to the file in PROBE."""

import os
import sys

from appliance.bench import loop_probe

if __name__ == "__main__":
    sys.argv[1:1] = [os.environ["PROBE"], "appliance"]
    loop_probe.main()
