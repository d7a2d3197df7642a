"""Nothing leaves the loopback without the owner's leave, whatever fails: counted by the kernel."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# A way out that leads nowhere, which counts what is sent there. It sends nothing by itself.
WAY_OUT = """
set -e
ip link set lo up
ip link add out type veth peer name nowhere
ip link set out addrgenmode none arp off
ip link set nowhere addrgenmode none up
ip address add 203.0.113.2/24 dev out
ip link set out up
ip route add default dev out
"""


APOLOGIES = {
    "model": "can't reach my language model",
    "ears": "could not listen",
    "voices": "my voice fails me",
}


@pytest.mark.parametrize("trouble", APOLOGIES)
@pytest.mark.parametrize(("policy", "leaves"), [("off", False), ("on_failure", True)])
def test_packets_leave_only_where_the_owner_allows_it(
    policy: str, leaves: bool, trouble: str, tmp_path: Path
) -> None:
    given = (str(tmp_path), policy, "out", trouble)
    talk = shlex.join([sys.executable, "-m", "tests.e2e.unplugged", *given])
    ran = subprocess.run(
        ["unshare", "--map-root-user", "--net", "sh", "-c", f"{WAY_OUT}exec {talk}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert (told["packets"] > 0) is leaves, told
    if not leaves:
        assert APOLOGIES[trouble] in told["aloud"]
