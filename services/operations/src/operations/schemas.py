"""Brings a Schema Registry to what the contracts say, and tells where it disagrees with them."""

from collections.abc import Iterator, Sequence

from kit.errors import PipelineError
from payments_contracts.schemas import VERSIONS, schema
from payments_contracts.topics import Topic

from operations.drift import Drift, Kind, Subject, compare, strangers
from operations.errors import DeploymentError
from operations.registry import SchemaRegistry
from operations.topics import Change


def subject_of(topic: Topic) -> Subject:
    """Return the subject of a topic, with every version of its record."""
    texts = tuple(schema(topic.record, version) for version in VERSIONS[topic.record])
    return Subject(topic.subject, topic.record, topic.compatibility, texts)


def find_drift(registry: SchemaRegistry, subjects: Sequence[Subject]) -> tuple[Drift, ...]:
    """Return every disagreement, by subject and version; changes nothing.

    Raises:
        DeploymentError: Something else than a registry answers, or it refuses.
        UnavailableError: The registry does not answer.
    """
    ours = [drift for subject in subjects for drift in compare(subject, registry.held(subject.name))]
    return (*ours, *strangers(subjects, registry.subjects()))


def register_schemas(registry: SchemaRegistry, subjects: Sequence[Subject]) -> Iterator[Change]:
    """Register every version of each subject, in order, under the subject's compatibility level.

    The registry's version of a schema has to be the contract's: events carry it as `schema_version`. So nothing is
    changed while the registry holds anything else, and the result of each registration is looked at. Running it again
    completes what an error interrupted.

    Raises:
        DeploymentError: The registry holds what the contracts do not (nothing was changed), or refuses a schema.
        UnavailableError: The registry does not answer; the message says how far the registration came.
    """
    drift = find_drift(registry, subjects)
    conflicts = [str(each) for each in drift if each.is_conflict]
    if conflicts:
        raise DeploymentError("\n".join(("The registry holds other schemas; nothing was changed.", *conflicts)))
    done: list[str] = []
    try:
        for subject in subjects:
            yield _complete(registry, subject, [each for each in drift if each.subject == subject.name], done)
        for each in drift:
            if each.kind is Kind.SUBJECT_UNKNOWN:
                yield Change(each.subject, "left alone", f"({each.detail})")
    except PipelineError as error:
        so_far = f"Done before that: {', '.join(done)}." if done else "Nothing was changed before that."
        raise type(error)(f"{error}\n{so_far} Running it again completes the rest.") from error


def _complete(registry: SchemaRegistry, subject: Subject, drift: Sequence[Drift], done: list[str]) -> Change:
    whole = any(each.kind is Kind.SUBJECT_MISSING for each in drift)
    missing = [each.version for each in drift if each.version is not None]
    versions = list(range(1, len(subject.schemas) + 1)) if whole else missing
    relevelled = whole or any(each.kind is Kind.COMPATIBILITY_DIFFERENT for each in drift)
    if relevelled:
        registry.set_compatibility(subject.name, subject.compatibility)
        done.append(f"{subject.name} {subject.compatibility}")
    for version in versions:
        _add(registry, subject, version)
        done.append(f"{subject.name} version {version}")
    if versions:
        return Change(subject.name, "registered", f"versions {versions}, {subject.compatibility}")
    if relevelled:
        return Change(subject.name, "updated", subject.compatibility)
    return Change(subject.name, "unchanged", f"versions {list(range(1, len(subject.schemas) + 1))}")


def _add(registry: SchemaRegistry, subject: Subject, version: int) -> None:
    try:
        registry.add(subject.name, subject.schemas[version - 1])
    except DeploymentError as error:
        raise DeploymentError(
            f"{subject.name}: version {version} of {subject.record} was not registered under "
            f"{subject.compatibility}. {error}"
        ) from error
    wrong = [each for each in compare(subject, registry.held(subject.name)) if each.version == version]
    if wrong:
        raise DeploymentError(
            f"{subject.name}: the registry took version {version} of {subject.record}, but not as that version: "
            f"{wrong[0].detail}. It may see no difference to an earlier version; else somebody registers meanwhile."
        )
