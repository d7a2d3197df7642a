"""Machines with a real systemd for tests.

A test asks for one of these fixtures:

`debian`   the root directory that machines boot (made once on this machine, then kept)
`booted`   a fresh machine that has booted; gone at the end of the test
`boot`     the same as a context manager, for machines with lent directories, or several of them

    def test_it_starts(booted: Machine) -> None:
        booted.write("/etc/systemd/system/x.service", "[Service]\\nExecStart=/bin/true\\n")
        booted.run("systemctl", "daemon-reload")           # as root; fails the test if it fails
        booted.shell("systemctl start x && ls /run")       # the same through bash
        assert booted.show("x.service", "Result") == "success"
        assert booted.run("false", check=False).returncode == 1
        print(booted.journal("x"), booted.path("/etc/hostname").read_text())
        booted.off(); booted.on()                          # what was written is still there

    def test_with_a_checkout(boot: Boot) -> None:
        with boot(lent=[(REPOSITORY, "/src")]) as machine: # read-only, at /src
            machine.run("cp", "-a", "/src", "/root/src")

`Machine` (machine.py) says the rest: `give_lan` for an address beside the loopback, `outside` for
a program of this machine (Python with all test packages) in the network of that one, `unplug` for
a power cut. Every test here has the mark `system` and ten minutes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import pytest

from tests.system import debian as distribution
from tests.system import installing
from tests.system import machine as machines
from tests.system.machine import Machine

HERE = Path(__file__).parent


class Boot(Protocol):
    def __call__(
        self,
        lent: Sequence[tuple[Path, str]] = (),
        prepare: Callable[[Machine], None] | None = None,
    ) -> AbstractContextManager[Machine]: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.system)
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def debian() -> Path:
    if reason := distribution.obstacle():
        pytest.skip(reason)
    return distribution.root()


@pytest.fixture
def boot(debian: Path, tmp_path: Path) -> Boot:
    numbers = iter(range(100))

    def fresh(
        lent: Sequence[tuple[Path, str]] = (),
        prepare: Callable[[Machine], None] | None = None,
    ) -> AbstractContextManager[Machine]:
        return machines.booted(debian, tmp_path / f"machine{next(numbers)}", lent, prepare)

    return fresh


@pytest.fixture
def booted(boot: Boot) -> Iterator[Machine]:
    with boot() as machine:
        yield machine


@pytest.fixture(scope="session")
def bundle(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `install.sh bundle` makes of this checkout, unpacked."""
    return installing.make(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def bare(boot: Boot, bundle: Path) -> Iterator[Machine]:
    """A machine without the appliance, with a bundle at /srv/bundle."""
    with boot([(bundle, installing.BUNDLE)], installing.prepare) as machine:
        yield machine


@pytest.fixture(scope="session")
def after_installation(
    debian: Path, bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The disk of a machine on which `install.sh` has run, to be booted as often as wanted."""
    state = tmp_path_factory.mktemp("installed")
    with machines.booted(
        debian, state, [(bundle, installing.BUNDLE)], installing.prepare
    ) as machine:
        # The page that a new nginx shows would keep the port of ours.
        machine.run("rm", "/etc/nginx/sites-enabled/default")
        installing.take_away_ensurepip(machine)
        installing.install(machine)
        machine.off()
    return Path(f"{state / 'upper'}:{debian}")


@pytest.fixture
def installed(after_installation: Path, bundle: Path, tmp_path: Path) -> Iterator[Machine]:
    """A machine with the appliance, just booted."""
    lent = [(bundle, installing.BUNDLE)]
    with machines.booted(after_installation, tmp_path / "installed", lent) as machine:
        yield machine
