"""Settings of all tests."""

from hypothesis import HealthCheck, settings

# The time that an example takes depends on the machine, so there is no deadline.
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples in every run, so that a change is not judged by chance. For others, and more:
# pytest --hypothesis-profile=explore.
settings.register_profile("same", untimed, derandomize=True)
settings.register_profile("explore", untimed, max_examples=1_000)
settings.load_profile("same")
