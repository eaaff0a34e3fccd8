import json
from pathlib import Path

import pytest

from stack.applications import applications
from stack.context import Context
from stack.errors import StackError
from stack.gateways import gateways
from stack.places import Places
from stack.ports import Ports
from stack.processes import Process


def declared(root: Path, *providers: str) -> Places:
    file = root / "generated" / "gateways.json"
    file.parent.mkdir()
    listed = [{"provider": provider, "title": provider.title()} for provider in providers]
    file.write_text(json.dumps({"source": "", "gateways": listed}))
    return Places(repository=root, cache=root / "cache", state=root / "state")


def gateway_of(context: Context, provider: str) -> Process:
    return next(each for each in applications(context) if each.name == f"gateway-{provider}")


def test_every_provider_of_the_contracts_has_a_gateway(context: Context) -> None:
    environments = [process.environment for process in applications(context)]
    ours = {each["GATEWAY_PROVIDER"] for each in environments if "GATEWAY_PROVIDER" in each}
    assert ours == {gateway.provider for gateway in gateways(context.places)} >= {"stripe", "square"}


def test_stripe_and_square_keep_their_addresses_when_others_come(tmp_path: Path) -> None:
    found = gateways(declared(tmp_path, "acme_pay", "square", "stripe", "zeta"))
    assert [(each.name, each.url(Ports())) for each in found] == [
        ("gateway-stripe", "http://127.0.0.1:18100"),
        ("gateway-square", "http://127.0.0.1:18101"),
        ("gateway-acme-pay", "http://127.0.0.1:18102"),
        ("gateway-zeta", "http://127.0.0.1:18103"),
    ]


def test_a_gateway_has_the_secret_of_its_provider_alone(context: Context) -> None:
    (secret,) = json.loads(gateway_of(context, "square").environment["WEBHOOK_SECRETS"])
    assert secret["secret"] == context.secrets.webhook_secrets["square"].get_secret_value()
    assert context.secrets.webhook_secrets["stripe"] != context.secrets.webhook_secrets["square"]


def test_a_gateway_knows_the_address_that_its_provider_signs(context: Context) -> None:
    variables = gateway_of(context, "square").environment
    assert variables["NOTIFICATION_URL"] == f"http://127.0.0.1:{variables['HTTP_PORT']}/webhooks/square"


def test_says_what_to_do_where_there_are_more_providers_than_ports(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"9 providers.*ports for 8 gateways: add one to stack/ports\.py"):
        gateways(declared(tmp_path, *(f"p{number}" for number in range(9))))


def test_says_what_to_do_where_nothing_was_generated(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="run `make codegen`"):
        gateways(Places(repository=tmp_path, cache=tmp_path, state=tmp_path))
