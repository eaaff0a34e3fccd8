"""Where chance decides in a test: the same for every change, which then fails for what it has changed; any at night."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

SETTING = "PAYMENTS_TEST_SEED"
USUAL = 20260105


def seed(environment: MutableMapping[str, str] = os.environ) -> int:
    """Return the seed that the environment sets, where it says `random` one that is drawn now, else the usual one.

    What is drawn becomes the setting: the other processes of a run have the same.
    """
    setting = environment.get(SETTING, "").strip() or str(USUAL)
    if setting == "random":
        setting = environment[SETTING] = str(random.SystemRandom().randrange(10**9))
    if not (setting.isascii() and setting.isdecimal()):
        message = f"{SETTING} is a number, or `random`: {setting!r}"
        raise ValueError(message)
    return int(setting)


SEED = seed()
AGAIN = f"again with {SETTING}={SEED}"
"""What a failed assertion says beside itself."""
