"""Settings of all tests."""

import pytest
from hypothesis import HealthCheck, settings

from tests.peers import claude_code, node_servers, time_server
from tests.released import released_language_model, released_models

__all__ = [
    "claude_code",
    "node_servers",
    "released_language_model",
    "released_models",
    "time_server",
]

# The time that an example takes depends on the machine, so there is no deadline.
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples in every run, so that a change is not judged by chance. For others, and more:
# pytest --hypothesis-profile=explore.
settings.register_profile("same", untimed, derandomize=True)
settings.register_profile("explore", untimed, max_examples=1_000)
settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--without-released-models",
        action="store_true",
        help="leave out the tests that need released models, where they cannot be fetched",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--without-released-models"):
        return
    left_out = [item for item in items if item.get_closest_marker("released")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
