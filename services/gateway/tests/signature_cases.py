"""Webhooks as a provider, a careless programmer or an attacker signs them, drawn by a seeded generator."""

import base64
import hmac
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Final, NamedTuple

from payments_contracts.examples import EXAMPLES

T: Final = 1_777_636_800
# Whole seconds, since a signature is made at one, and what lies between.
CLOCK: Final = (T, T, T + 0.001, T + 0.25, T + 0.999)
KEYS: Final = ("whsec_a", "whsec_b", "whsec_\u00e9\u4e2d", "a b", "pad-ded", "0")
BODIES: Final = (
    *(example.body.decode() for example in EXAMPLES[:20] if example.body.isascii()),
    '{"id":"evt_1"}',
    '{"name":"Zo\u00eb \u4e2d \U0001f600"}',
    "{}",
    " ",
    "\n",
    "\ufeff{}",
    "\x00",
    "x" * 70_000,
    "t=1.{}",
)
URLS: Final = (
    "https://example.com/webhook",
    "https://example.com/webhook/",
    "http://example.com/webhook",
    "https://EXAMPLE.com/webhook",
    "https://example.com:443/webhook",
    "https://example.com/webhook?a=b",
    "https://example.com/webhook%20",
    "https://b\u00fccher.example/{body}",
)


class Case(NamedTuple):
    """What comes in, and with what it is judged."""

    header: str
    body: str
    keys: Sequence[str]
    now: float
    url: str = ""


def altered(random: Random, text: str) -> str:
    """Return a text that differs by little, or by nothing."""
    at = random.randrange(len(text) + 1)
    return random.choice(
        (
            text[:at] + random.choice("0aZ =,\u00e9") + text[at:],
            text[:at] + text[at + 1 :],
            text[:at],
            text.upper(),
            text.swapcase(),
            text + "=",
            "",
        )
    )


def keys_and_signer(random: Random) -> tuple[Sequence[str], str]:
    """Return the keys of an endpoint, and the one that signs, which seldom is none of them."""
    keys = random.sample(KEYS, random.randint(1, 3))
    return keys, random.choice(keys) if random.random() < 0.9 else "whsec_other"


TIMES: Final = (0, 0, 0, 0, 0, 0, 0, -1, -2, -60, -150, -299, -300, -301, -(10**6), 1, 59, 60, 61, 3600, 10**9)
TIME_FORMS: Final[Sequence[Callable[[int], str]]] = (
    lambda t: f"+{t}",
    lambda t: f"-{t}",
    lambda t: f" {t}",
    lambda t: f"{t}\t",
    lambda t: f"0{t}",
    lambda t: f"{t}.0",
    lambda t: f"{t:_}",
    lambda t: f"{t}=",
    lambda t: f"{t}=1",
    lambda t: f"{t}" + "0" * 6,
    lambda _: "",
    lambda _: "0",
    lambda t: "".join(chr(0x660 + int(digit)) for digit in str(t)),
    lambda t: "\u00a0" + str(t),
    lambda _: "9" * 5000,
    lambda t: f"{t:x}",
    lambda t: f"{t:e}",
    lambda _: "-5",
    lambda _: "x",
)


def stripe_mac(key: str, timestamp: str, body: str) -> str:
    # As their library signs: the number, whatever it is written like.
    with suppress(ValueError):
        timestamp = str(int(timestamp.partition("=")[0]))
    return hmac.digest(key.encode(), f"{timestamp}.{body}".encode(), "sha256").hex()


def stripe_case(random: Random) -> Case:
    keys, signer = keys_and_signer(random)
    body = random.choice(BODIES) if random.random() < 0.97 else ""
    seconds = T + random.choice(TIMES)
    timestamp = str(seconds) if random.random() < 0.8 else random.choice(TIME_FORMS)(seconds)
    true = stripe_mac(signer, timestamp, body)
    plain = random.random() < 0.4
    pairs = [f"t={timestamp}", f"v1={true}"] + ([] if plain else random.choices(others(random, true, seconds), k=2))
    if not plain:
        if random.random() < 0.15:
            pairs[1] = f"v1={altered(random, true)}"
        if random.random() < 0.3:
            random.shuffle(pairs)
    header = random.choice((",",) * 8 + (", ", ",,", ";")).join(pairs)
    return Case(
        random.choice((header,) * 12 + (f"{header},", f",{header}", f" {header}", altered(random, header))),
        altered(random, body) if random.random() < 0.05 else body,
        keys,
        random.choice(CLOCK),
    )


def others(random: Random, true: str, seconds: int) -> Sequence[str]:
    """Return pairs that stand beside the time and the signature that count."""
    return (
        "v0=" + true,
        f"v1={stripe_mac('whsec_other', str(seconds), '')}",
        "v1=" + true,
        "v1=",
        "v1",
        "v1= " + true,
        f"v1={true}=",
        f"v1={true}=x",
        f"v1=={true}",
        "v1=\u00e9",
        "v2=x",
        "V1=" + true,
        " v1=" + true,
        "v10=" + true,
        f"t={seconds}",
        f"t={seconds + 1}",
        "t",
        "t=",
        "T=1",
        " t=1",
        "t =1",
        "x",
        "=",
        "",
        "=x",
        "x=\u4e2d",
        "x=1=2=3",
        "x=" + "y" * 9000,
        f"v1={altered(random, true)}",
        f"v1={true.upper()}",
    )


def square_mac(key: str, url: str, body: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), f"{url}{body}".encode(), "sha256")).decode()


def square_case(random: Random) -> Case:
    keys, signer = keys_and_signer(random)
    url = random.choice(URLS)
    body = random.choice(BODIES) if random.random() < 0.97 else ""
    true = square_mac(signer, random.choice(URLS) if random.random() < 0.1 else url, body)
    header = random.choice(
        (
            *(true,) * 20,
            *(altered(random, true) for _ in range(4)),
            *(f" {true}", f"{true} ", f"{true},{true}", f"v1={true}", f'"{true}"', true.rstrip("="), f"{true}\u00e9"),
            *(base64.b64decode(true).hex(), base64.urlsafe_b64encode(base64.b64decode(true)).decode(), "", "\u4e2d"),
            *("x" * 9000, square_mac(signer, "", body), square_mac(signer, url, body + " ")),
        )
    )
    return Case(header, altered(random, body) if random.random() < 0.05 else body, keys, T, url)
