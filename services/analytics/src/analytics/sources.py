"""Looks at what a build is about to read, before it writes anything: is it there, as its contract says, and whole?"""

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any

from dagster import AssetKey, Failure
from kit.errors import Transient

from analytics.bronze import Sight, Written
from analytics.translator import LayerTranslator


def inspect_sources(
    manifest: Mapping[str, Any], translator: LayerTranslator, sight: Sight, selected: Collection[AssetKey]
) -> None:
    """Make sure that what the `selected` models read is there, with the columns of its contract, and whole.

    Raises:
        Failure: Something is wrong, with what to do; or the catalog or Kafka does not answer.
    """
    sources = list(_sources_of(manifest, translator, selected))
    try:
        found = sight.tables(*(_identifier(source) for source in sources))
        wrong = [sentence for source in sources for sentence in _judge(source, found[_identifier(source)], sight)]
    except Transient as error:
        raise Failure(f"Nothing was built: {error}") from error
    if wrong:
        raise Failure(" ".join(["Nothing was built.", *wrong]), allow_retries=False)


def _sources_of(
    manifest: Mapping[str, Any], translator: LayerTranslator, selected: Collection[AssetKey]
) -> Iterator[Mapping[str, Any]]:
    nodes = manifest["nodes"]
    models = [node for node in nodes.values() if node["resource_type"] == "model"]
    read: set[str] = set()
    left = [node["unique_id"] for node in models if translator.get_asset_key(node) in selected]
    while left:
        for unique_id in nodes[left.pop()]["depends_on"]["nodes"]:
            # What a view is made from is read by whoever reads the view.
            if unique_id in nodes and nodes[unique_id]["config"].get("materialized") == "view":
                left.append(unique_id)
            read.add(unique_id)
    return (source for unique_id, source in manifest["sources"].items() if unique_id in read)


def _judge(source: Mapping[str, Any], table: Written | None, sight: Sight) -> Iterator[str]:
    name = _identifier(source)
    if table is None:
        yield f"The lake has no {name}: run `payments tables apply`."
        return
    promised = list(source["columns"])
    if missing := [column for column in promised if column not in table.columns]:
        yield f"{name} lacks {', '.join(missing)}: run `payments tables apply`, which adds what the contract has."
    unknown = [column for column in table.columns if column not in promised]
    # In a rollout the table comes first: what a later version of the contract adds, the models here just do not read.
    if unknown and table.version <= _version(source):
        yield (
            f"{name} has {', '.join(unknown)}, which no version of its contract up to v{table.version} has: somebody"
            " else has changed the table. Drop it, or add it to the contract."
        )
    if (allowed := _allowed(source)) is not None and (late := sight.untaken(table, allowed)).records:
        since = "at all" if late.since is None else f"since {late.since:%Y-%m-%d %H:%M:%S} UTC"
        yield (
            f"{name} is stale: no row came {since}, and {late.records} records that came more than {allowed} ago wait"
            " for the orchestrator. See BronzeStale in docs/runbooks.md, and start this job again once rows come."
        )


def _allowed(source: Mapping[str, Any]) -> timedelta | None:
    """Return for how long records may wait for their rows: until the contract has the age of the table warn."""
    warn = (source.get("freshness") or {}).get("warn_after") or {}
    return timedelta(**{f"{warn['period']}s": warn["count"]}) if warn.get("count") else None


def _version(source: Mapping[str, Any]) -> int:
    """Return the version of the contract that the models here were made for."""
    return int(str(source["meta"]["contract"]).rpartition(" v")[2])


def _identifier(source: Mapping[str, Any]) -> str:
    return f"{source['schema']}.{source['identifier']}"
