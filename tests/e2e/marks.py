"""Card numbers, secrets and addresses that can be recognized, in webhooks that take every way through the pipeline."""

from __future__ import annotations

import copy
import itertools
import json
import random
import re
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import httpx
import orjson
from codegen.language.parts import taken
from codegen.loader import load
from payments_contracts.providers import PROVIDERS
from pydantic import SecretStr
from simulator.signing import Signer

from tests.conftest import ROOT
from tests.contracts.test_personal_markers import MARK, Spot, placed, spots

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codegen.language.model import Group
    from codegen.model import Catalog, Provider

COUNT: Final = 500
_IN_ONE_BODY: Final = 12
_PROVIDERS: Final = ("stripe", "square")
_THEIRS: Final = re.compile(rf"{MARK}[^\"]*?@example[.]org")
# Where an event's id, its time and its merchant are.
_IDS: Final = {"stripe": ("id", "created", "account"), "square": ("event_id", "created_at", "merchant_id")}


def _checked(digits: str) -> str:
    """Return a number with its check digit (ISO/IEC 7812-1, annex B)."""
    doubled = [2 * int(each) - 9 * (int(each) > 4) for each in digits[::-1][::2]]
    return digits + str(-(sum(doubled) + sum(map(int, digits[::-1][1::2]))) % 10)


def make_marks(run: str) -> list[str]:
    """Return marks that no other run has: a third of each kind. `run` is eight hexadecimal signs."""
    dice = random.Random(run)  # noqa: S311  # no secret
    cards = [_checked(f"4{dice.randrange(10**14):014}") for _ in range(COUNT)]
    secrets = [f"whsec_Mk{run}x{number:03}z" for number in range(COUNT)]
    places = [
        f"{number} Marked-{run} Lane, Oxford" if number % 2 else f"jane.{run}.{number}@example.org"
        for number in range(COUNT)
    ]
    return [kind[number] for number, kind in zip(range(COUNT), itertools.cycle((cards, secrets, places)), strict=False)]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a gateway said: its status, and the id of the event that it made."""

    status: int
    event_id: str


class Door:
    """Sends to the gateways of a stack, signed with the secrets that they have."""

    def __init__(self, stack: Mapping[str, str]) -> None:
        self._urls = {name: f"{stack[f'GATEWAY_{name.upper()}_URL']}/webhooks/{name}" for name in _PROVIDERS}
        self._signers = {
            name: Signer(
                PROVIDERS[name].signature,
                SecretStr(json.loads(stack[f"GATEWAY_{name.upper()}_SECRETS"])[0]["secret"]),
                self._urls[name],
            )
            for name in _PROVIDERS
        }
        self.client = httpx.Client(timeout=30, trust_env=False)

    def send(self, provider: str, body: bytes, *, query: str = "", **headers: str) -> Answer:
        """Deliver a body as its provider would, with more headers, or with other ones of the same names."""
        signed = self._signers[provider].deliver(body, int(time.time()), {"content-type": "application/json"})
        more = {name.replace("_", "-"): text for name, text in headers.items()}
        answer = self.client.post(self._urls[provider] + query, content=signed.body, headers={**signed.headers, **more})
        told = answer.json() if answer.content else {}
        return Answer(answer.status_code, str(told.get("event_id", "")))

    def knock(self, path: str, **headers: str) -> int:
        """Ask for what is not there."""
        url = self._urls["stripe"].removesuffix("/webhooks/stripe")
        return self.client.get(f"{url}/{path}", headers=headers).status_code


class Bodies:
    """Makes webhooks that are new to the pipeline, with marks at places that no event takes its values from."""

    def __init__(self, run: str, marks: Sequence[str]) -> None:
        self._run = run
        self._marks = itertools.cycle(marks)
        self.waiting = set(marks)
        """The marks that no body has had yet: one that is placed may be overwritten by the next."""
        self._catalog = load(ROOT / "contracts")
        self._turn = itertools.count()
        self._kinds = {name: itertools.cycle(self._accepted(self._catalog, name)) for name in _PROVIDERS}

    def accepted(self, provider: str) -> dict[str, Any]:
        """Return a webhook that becomes an event."""
        body, places = next(self._kinds[provider])
        body = copy.deepcopy(body)
        first = next(self._turn) * _IN_ONE_BODY
        for number in range(first, first + _IN_ONE_BODY):
            body = placed(body, self._marked(places[number % len(places)]))
        text = json.dumps(body)
        self.waiting = {mark for mark in self.waiting if mark not in text}
        return self.fresh(provider, body)

    def fresh(self, provider: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return a body with an id and a time of its own, of this run's merchant."""
        now = datetime.now(UTC)
        event_id, created, merchant = _IDS[provider]
        return body | {
            event_id: f"evt_{uuid.uuid4().hex}",
            created: int(now.timestamp()) if provider == "stripe" else now.isoformat(timespec="seconds"),
            merchant: f"acct_marks{self._run}",
        }

    def unmapped(self, event_type: str) -> dict[str, Any]:
        """Return a webhook of Stripe of which no event is made."""
        inside = {"id": "obj_1", "object": "thing", "card": next(self._marks), "address": {"line1": next(self._marks)}}
        return self.fresh("stripe", {"type": event_type, "livemode": True, "data": {"object": inside}})

    def _marked(self, spot: Spot) -> Spot:
        def other(text: str) -> str:
            return _THEIRS.sub(
                lambda _: next(each for each in self._marks if not self.waiting or each in self.waiting), text
            )

        steps = tuple(other(step) if isinstance(step, str) else step for step in spot.steps)
        return Spot(steps, json.loads(other(json.dumps(spot.value))), spot.tags)

    def _accepted(self, catalog: Catalog, name: str) -> list[tuple[dict[str, Any], list[Spot]]]:
        """Return a body of each group of the mapping, and the places of it that the mapping takes nothing from."""
        (provider,) = (each for each in catalog.providers if each.name == name)
        bodies = {str(each.event_type): each.body for each in provider.examples if each.kind == "accepted"}
        return [
            (orjson.loads(bodies[event]), self._free(provider, group))
            for group in provider.mapping.groups
            for event in group.events
            if event in bodies
        ]

    @staticmethod
    def _free(provider: Provider, group: Group) -> list[Spot]:
        document = provider.payload.source.data
        mapped = {path.steps for field in group.fields.values() for path in taken(field)}
        every = spots(document, document["components"]["schemas"][group.payload])
        return [spot for spot in every if spot.steps not in mapped and spot.steps[0] not in _IDS[provider.name]]
