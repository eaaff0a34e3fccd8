import json
from dataclasses import replace
from pathlib import Path

import pytest

from stack.applications import applications
from stack.context import Context
from stack.errors import StackError
from stack.gateways import gateways
from stack.places import Places
from stack.ports import Ports
from stack.processes import Process
from stack.settings import Settings


def declared(root: Path, *providers: str) -> Places:
    file = root / "generated" / "gateways.json"
    file.parent.mkdir()
    listed = [{"provider": provider, "title": provider.title()} for provider in providers]
    file.write_text(json.dumps({"source": "", "gateways": listed}))
    return Places(repository=root, cache=root / "cache", state=root / "state", providers=providers)


def gateway_of(context: Context, provider: str) -> Process:
    return next(each for each in applications(context) if each.name == f"gateway-{provider}")


def test_stripe_and_square_have_a_gateway_unless_others_are_named(context: Context) -> None:
    environments = [process.environment for process in applications(context)]
    ours = {each["GATEWAY_PROVIDER"] for each in environments if "GATEWAY_PROVIDER" in each}
    assert ours == {gateway.provider for gateway in gateways(context.places)} == {"stripe", "square"}


def test_gateways_have_addresses_in_the_order_in_which_their_providers_are_named(tmp_path: Path) -> None:
    found = gateways(declared(tmp_path, "stripe", "square", "acme_pay", "zeta"))
    assert [(each.name, each.url(Ports())) for each in found] == [
        ("gateway-stripe", "http://127.0.0.1:18100"),
        ("gateway-square", "http://127.0.0.1:18101"),
        ("gateway-acme-pay", "http://127.0.0.1:18102"),
        ("gateway-zeta", "http://127.0.0.1:18103"),
    ]


def test_a_normalizer_goes_with_each_gateway(context: Context) -> None:
    found = {each.name: each for each in applications(context) if "NORMALIZER_PROVIDER" in each.environment}
    assert {name: each.environment["NORMALIZER_PROVIDER"] for name, each in found.items()} == {
        "normalizer-stripe": "stripe",
        "normalizer-square": "square",
    }
    ports = {each.environment["METRICS_PORT"] for each in found.values()}
    assert ports == {str(context.ports.normalizer_1), str(context.ports.normalizer_2)}


def test_a_gateway_has_the_secret_of_its_provider_alone(context: Context) -> None:
    (secret,) = json.loads(gateway_of(context, "square").environment["WEBHOOK_SECRETS"])
    assert secret["secret"] == context.secrets.webhook_secrets["square"].get_secret_value()
    assert context.secrets.webhook_secrets["stripe"] != context.secrets.webhook_secrets["square"]


def test_a_gateway_knows_the_address_that_its_provider_signs(context: Context) -> None:
    variables = gateway_of(context, "square").environment
    assert variables["NOTIFICATION_URL"] == f"http://127.0.0.1:{variables['HTTP_PORT']}/webhooks/square"


def test_says_what_to_do_where_there_are_more_providers_than_ports(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"9 providers, and there are ports for 8 gateways: name fewer, or add"):
        gateways(declared(tmp_path, *(f"p{number}" for number in range(9))))


def test_says_what_to_do_where_nothing_was_generated(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="run `make codegen`"):
        gateways(Places(repository=tmp_path, cache=tmp_path, state=tmp_path))


def test_says_which_provider_the_contracts_do_not_know(tmp_path: Path) -> None:
    places = replace(declared(tmp_path, "stripe"), providers=("stripe", "strype"))
    with pytest.raises(StackError, match="names strype, and the contracts know stripe"):
        gateways(places)


def test_the_setting_names_the_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().places().providers == ("stripe", "square")
    monkeypatch.setenv("GATEWAY_PROVIDERS", "square, acme_pay,square")
    assert Settings().places().providers == ("square", "acme_pay")
