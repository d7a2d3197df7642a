"""`appliance pair` and `appliance clients …`, with and without a daemon."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.daemon import running
from tests.network.test_host_names import write_site


@pytest.mark.parametrize(
    "arguments", [("pair",), ("clients", "list"), ("clients", "revoke", "somebody")]
)
def test_commands_that_need_the_daemon_report_that_it_does_not_answer(
    run: Run, arguments: tuple[str, ...]
) -> None:
    result = run(*arguments)
    assert result.status == 1
    assert "does not answer" in result.err
    assert "Is it running" in result.err


@pytest.mark.slow
async def test_pairing_prints_the_address_and_the_fingerprint_of_the_ca(tmp_path: Path) -> None:
    hosts = write_site(tmp_path)
    trust = {
        "https_port": 443,
        "fingerprint": "AA:BB",
        "words": "acorn amber",
        "host": "192.168.1.20",
    }
    hosts.with_name("trust.json").write_text(json.dumps(trust))
    hosts.with_name("ca.crt").touch()
    async with running(tmp_path) as daemon:
        printed = daemon.command_line("pair").stdout
        assert "Open https://192.168.1.20 and enter it, or scan:" in printed
        assert "\nAA:BB\nwhich begins, in words: acorn amber\n" in printed
        assert "acorn" not in daemon.command_line("pair", "--no-fingerprint").stdout
        # A certificate of the owner's own: no CA to trust.
        own = {**trust, "words": "", "fingerprint": "", "host": "voice.example"}
        hosts.with_name("trust.json").write_text(json.dumps(own))
        printed = daemon.command_line("pair").stdout
        assert "Open https://voice.example and enter it" in printed
        assert "words" not in printed
        hosts.with_name("trust.json").write_text("[")
        assert daemon.command_line("pair").stdout.count("\n") == 1
