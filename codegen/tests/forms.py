"""Plans made by hand, and what becomes of a body in both of their forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from codegen.emit.normalize import module
from codegen.language.model import Envelope, Path
from codegen.mapping.evaluate import Normalized, Rejected, evaluate
from codegen.mapping.plan import GroupPlan, Kind, Plan, Target
from payments_contracts.normalize.values import NULL_VALUES

if TYPE_CHECKING:
    from codegen.language.model import Expression, Leaf

KIND = Path(("kind",))


def target(name: str, expression: Expression, kind: Kind = Kind.TEXT, rest: tuple[Leaf, ...] = ()) -> Target:
    return Target(name, kind, required=False, allowed=(), rules=(), expression=expression, rest=rest)


def planned(*targets: Target, event_type: Path | Envelope = KIND) -> Plan:
    # A compiled module takes what means null from the generated package.
    return Plan("odd", event_type, (GroupPlan("any", ("e",), targets),), NULL_VALUES, frozenset(), {}, {})


def both(
    plan: Plan,
    body: dict[str, Any],
    event_type: str = "",
    *,
    received_at: int | None = None,
    created_at: int | None = None,
    livemode: bool | None = None,
) -> Any:
    """Return what becomes of a body, which must be the same in the compiled and in the interpreted form."""
    raw = orjson.dumps(body)
    space: dict[str, Any] = {"__name__": "compiled"}
    exec(compile(module(plan, "x").content, "compiled", "exec"), space)  # noqa: S102 - what is compiled is to be run
    compiled = space["normalize"](raw, "m", "id", event_type, received_at, created_at, livemode)
    oracle = evaluate(
        plan, raw, "m", "id", event_type, received_at=received_at, created_at=created_at, livemode=livemode
    )
    assert type(compiled).__name__ == type(oracle).__name__, (compiled, oracle)
    if isinstance(oracle, Normalized):
        assert compiled.event == oracle.event
        # To Python, 1 and True are equal.
        assert {name: type(value) for name, value in compiled.event.items()} == {
            name: type(value) for name, value in oracle.event.items()
        }
    if isinstance(oracle, Rejected):
        reasons = [(each.code, each.field, each.message) for each in compiled.rejections]
        assert reasons == [(each.code, each.field, each.message) for each in oracle.refusals]
    return oracle
