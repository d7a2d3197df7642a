"""The machines that the other tests here stand on."""

from tests.system.conftest import Boot
from tests.system.machine import Machine


def test_a_machine_boots_with_nothing_failed(booted: Machine) -> None:
    assert booted.run("systemctl", "is-system-running").stdout.strip() == "running"
    assert booted.run("ps", "-o", "comm=", "1").stdout.strip() == "systemd"
    assert booted.run("hostname").stdout.strip() == booted.name


def test_what_was_written_outlasts_a_power_cut(boot: Boot) -> None:
    with boot() as machine:
        machine.write("/etc/kept", "yes")
        machine.unplug()
        machine.on()
        assert machine.run("cat", "/etc/kept").stdout == "yes"
        machine.off()
        assert machine.path("/etc/kept").read_text() == "yes"
    with boot() as another:
        assert not another.path("/etc/kept").exists()
