"""Which version of its record a table or a mapping has, where it leaves that to the topic of the record.

So the version of a topic is said once, and what is made of its messages goes along with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.findings import ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codegen.document import Document
    from codegen.model import RecordVersion, Topic

RULE = "follows"
PURPOSE = "What leaves its version to a topic holds the topic's record, or one that extends it."


def followed(document: Document, topics: Sequence[Topic], records: Mapping[str, tuple[RecordVersion, ...]]) -> int:
    """Return the version that a table's file names, or the one that goes with the version on the topic it follows.

    Raises:
        ContractError: There is no such topic, or its record is another one.
    """
    data = document.data
    if "version" in data:
        return int(data["version"])
    topic = next((each for each in topics if each.name == data["follows"]), None)
    if topic is None:
        message, hint = f"there is no topic {data['follows']!r} to follow", "name a topic of contracts/topics"
        raise ContractError((document.finding(RULE, ("follows",), message, hint),))
    if data["record"] == topic.record:
        return topic.version
    fitting = [
        each.version
        for each in records.get(data["record"], ())
        if each.base is not None and each.base[0] == topic.record and each.base[1] <= topic.version
    ]
    if not fitting:
        message = f"{data['record']} does not extend {topic.record}, which is on {topic.name}"
        hint = "follow the topic of the record that it extends, or write `version`"
        raise ContractError((document.finding(RULE, ("follows",), message, hint),))
    return max(fitting)


def mapped(document: Document, topics: Sequence[Topic], records: Mapping[str, tuple[RecordVersion, ...]]) -> int:
    """Return the version that a mapping's file names, else the one on its record's topic, else the newest."""
    data = document.data
    if "version" in data:
        return int(data["version"])
    on_topics = [topic.version for topic in topics if topic.record == data["record"]]
    return max(on_topics or [each.version for each in records.get(data["record"], ())], default=1)
