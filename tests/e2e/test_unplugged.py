"""No packet leaves the loopback under policy off, whatever fails; the kernel counts them."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# A default route over an interface whose other end nobody reads; its counter shows what is sent.
DEFAULT_ROUTE = """
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
    "stt": "could not listen",
    "tts": "my voice fails me",
}


@pytest.mark.parametrize("trouble", APOLOGIES)
@pytest.mark.parametrize(("policy", "leaves"), [("off", False), ("on_failure", True)])
def test_packets_leave_only_where_the_policy_allows_it(
    policy: str, leaves: bool, trouble: str, tmp_path: Path
) -> None:
    given = (str(tmp_path), policy, "out", trouble)
    talk = shlex.join([sys.executable, "-m", "tests.e2e.unplugged", *given])
    ran = subprocess.run(
        ["unshare", "--map-root-user", "--net", "sh", "-c", f"{DEFAULT_ROUTE}exec {talk}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)
    assert (result["packets"] > 0) is leaves, result
    if not leaves:
        assert APOLOGIES[trouble] in result["spoken"]
