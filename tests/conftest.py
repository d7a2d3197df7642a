"""How all tests run."""

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing about what is tested.
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples in every run: what a change is judged by is no lottery. Others, and more of
# them: pytest --hypothesis-profile=explore.
settings.register_profile("same", untimed, derandomize=True)
settings.register_profile("explore", untimed, max_examples=1_000)
settings.load_profile("same")
