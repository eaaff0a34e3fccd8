"""What holds for all tests that draw their inputs, wherever they are."""

from hypothesis import HealthCheck, settings

# How long it takes to draw an input, or to try one, says how busy the machine is.
settings.register_profile("any_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any_machine")
