"""The appliance starts in odd surroundings: another user, umask, locale, path, proxy, address."""

import os
import shutil
import signal
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from appliance.client import calling
from tests.campaign.row import Row, Trial
from tests.campaign.talking import answered
from tests.daemon import running

NOBODY = 65534
PRIVATE = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Surroundings:
    name: str
    environment: dict[str, str] = field(default_factory=dict)
    launcher: tuple[str, ...] = ()
    directory: str = "state"
    user: int | None = None


def shell(command: str) -> tuple[str, ...]:
    return ("sh", "-c", f'{command}; exec "$@"', "sh")


DEAD_PROXY = dict.fromkeys(("http_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
ODD: Sequence[Surroundings] = (
    Surroundings("umask 077", launcher=shell("umask 077")),
    Surroundings("umask 000", launcher=shell("umask 000")),
    Surroundings("the C locale", {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"}),
    Surroundings("the POSIX locale", {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0"}),
    Surroundings("a path with spaces and letters", directory="a state (of Ann's) – ü"),
    Surroundings(
        "an ordinary user without a home",
        {"HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"},
        ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
        user=NOBODY,
    ),
    Surroundings("a proxy that is not there", DEAD_PROXY),
    Surroundings("IPv6 only", {"APPLIANCE__SERVER__HOST": "::1"}),
    Surroundings("another time zone", {"TZ": "Pacific/Apia"}),
    Surroundings("a zone that is none", {"TZ": "Nowhere/Never"}),
    Surroundings("no standard input", launcher=shell("exec <&-")),
    Surroundings("64 descriptors", launcher=shell("ulimit -n 64")),
    Surroundings("no core, small stack", launcher=shell("ulimit -c 0; ulimit -s 2048")),
    Surroundings("SIGHUP and SIGPIPE ignored", launcher=shell("trap '' HUP PIPE")),
)


async def run(trial: Trial) -> None:
    for number in trial.rounds():
        odd = ODD[number % len(ODD)]
        state = trial.directory / str(number) / odd.directory
        with trial.judged(odd.name):
            state.mkdir(parents=True)
            if odd.user is not None:
                os.chown(state, odd.user, odd.user)
            async with running(state, odd.environment, launcher=odd.launcher) as daemon:
                async with calling(daemon.base_url, microphone=False) as call:
                    assert await answered(call)
                assert await daemon.stop(signal.SIGTERM) == 0, "it does not end well"
            assert_private(state)
        shutil.rmtree(state.parent, ignore_errors=True)


def assert_private(state: Path) -> None:
    """What people said is for nobody else, whatever the umask."""
    for file in state.glob("voice_conversations.db*"):
        assert not file.stat().st_mode & PRIVATE, f"{file.name} can be read by others"


ROW = Row(
    name="surroundings",
    done="it starts, answers and ends with " + ", ".join(odd.name for odd in ODD),
    unit="starts",
    lost="a start; an answer; an end with status 0; a history that others can read",
    n=3 * len(ODD),
    run=run,
)
