import dataclasses
import json

import pytest

from stack.context import Context
from stack.errors import StackError
from stack.processes import Process
from stack.servers import object_store, seaweedfs
from stack.settings import ObjectStore, Settings
from stack.tools.golang import GoTool


def the_process(context: Context) -> Process:
    (process,) = (item for item in object_store.items(context) if isinstance(item, Process))
    return process


def test_whichever_store_is_chosen_has_the_same_name_address_and_last_step(context: Context) -> None:
    process = the_process(context)
    assert process.name == "object-store"
    assert "object_store" in process.ports
    assert object_store.items(context)[-1].name == "buckets"


def test_every_port_of_the_store_is_given_to_it(context: Context) -> None:
    process = the_process(context)
    for port in context.ports.named(process.ports).values():
        assert str(port) in process.script()


def test_only_what_is_chosen_is_set_up(context: Context) -> None:
    builds = [tool.name for tool in context.tools.all() if isinstance(tool, GoTool)]
    assert ("minio" in builds) == (context.object_store is ObjectStore.MINIO)


def test_metrics_are_at_a_port_of_the_store(context: Context) -> None:
    port, path = object_store.metrics(context)
    assert port in context.ports.named(the_process(context).ports).values()
    assert path.startswith("/")


def test_a_state_whose_files_are_in_the_other_store_is_refused(context: Context) -> None:
    (other,) = set(ObjectStore) - {context.object_store}
    context.data(other).mkdir(parents=True)
    with pytest.raises(StackError, match=f"OBJECT_STORE={other}"):
        object_store.items(context)


def test_seaweedfs_tells_nobody_about_itself(context: Context) -> None:
    chosen = dataclasses.replace(context, object_store=ObjectStore.SEAWEEDFS)
    assert "-master.telemetry=false" in the_process(chosen).command


def test_the_one_user_of_seaweedfs_signs_with_the_stacks_key_and_makes_no_buckets(context: Context) -> None:
    (user,) = json.loads(seaweedfs.identities(context))["identities"]
    (credentials,) = user["credentials"]
    assert credentials["secretKey"] == context.secrets.s3_secret_access_key.get_secret_value()
    assert "Admin" not in user["actions"]


def test_only_buckets_that_are_not_listed_are_made() -> None:
    assert seaweedfs.missing("  lakehouse\tsize:0\tchunk:0\n\n", ["lakehouse", "flink"]) == ["flink"]


def test_the_setting_has_no_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBJECT_STORE", "minio")
    assert Settings().object_store is ObjectStore.MINIO
