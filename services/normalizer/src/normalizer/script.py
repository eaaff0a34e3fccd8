"""The generated SQL: read from disk, filled in and cut into statements."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template

from pydantic import BaseModel, ConfigDict

from normalizer.errors import UnusableScript

SOURCES = "sources"
JOB_HEADER = "job"
"""The header by which a record names the job that wrote it; the generated SQL sets it."""
FILES = ("tables.sql", "pipeline.sql")
# A quoted text (in which '' stands for one quote), a quoted name, a comment, the end of a statement, or anything else.
_LEXEME = re.compile(r"'(?:[^']|'')*'|`[^`]*`|--[^\n]*|;|[^'`;-]+|.", re.DOTALL)
_SET_OPENS = re.compile(r"EXECUTE\s+STATEMENT\s+SET\b|BEGIN\s+STATEMENT\s+SET\b", re.IGNORECASE)
_SINK = re.compile(r"'sink\.[^']+'\s*=")
_TOPIC = re.compile(r"'topic'\s*=\s*'([^']+)'")
_OPTIONS = re.compile(r"^([ \t]*)-- \$\{(\w+)\}[ \t]*\n", re.MULTILINE)
_SET_CLOSES = re.compile(r"END\b", re.IGNORECASE)


class Script(BaseModel):
    """The tables, functions and views of the job, and the one statement set that runs."""

    model_config = ConfigDict(frozen=True)

    definitions: tuple[str, ...]
    statement_set: str

    def written_topics(self) -> tuple[str, ...]:
        """Return the topics of the tables that are sinks."""
        sinks = [definition for definition in self.definitions if _SINK.search(definition)]
        return tuple(topic for sink in sinks for topic in _TOPIC.findall(sink))


def read(directory: Path, provider: str, values: Mapping[str, str], options: Mapping[str, Mapping[str, str]]) -> Script:
    """Return the script in `directory` for a provider's job, with every ${placeholder} replaced.

    `values` stand inside SQL literals; `options`, by the name of a placeholder in a comment, become lines of options.

    Raises:
        UnusableScript: a file is absent, or a placeholder has no value, or there is not exactly one statement set.
    """
    definitions: list[str] = []
    sets: list[str] = []
    for name in (f"{SOURCES}/{provider}.sql", *FILES):
        path = directory / name
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise UnusableScript(
                f"{path} cannot be read ({error.strerror}): generate it with `make codegen`, or set "
                "NORMALIZER_SQL_DIR to the folder of the generated Flink SQL"
            ) from error
        for statement in statements(fill(with_options(text, options), values, source=str(path))):
            (sets if _SET_OPENS.match(statement) else definitions).append(statement)
    if len(sets) != 1:
        raise UnusableScript(f"{directory} holds {len(sets)} statement sets, and the job is exactly one")
    return Script(definitions=tuple(definitions), statement_set=sets[0])


def with_options(text: str, options: Mapping[str, Mapping[str, str]]) -> str:
    """Return `text` with each comment that is one ${placeholder} replaced by lines of options, which may be none."""

    def lines(found: re.Match[str]) -> str:
        indent, name = found.groups()
        if name not in options:
            return found[0]
        # Quoted for SQL, and for the placeholders that are filled in afterwards.
        pairs = ((key, value.replace("'", "''").replace("$", "$$")) for key, value in options[name].items())
        return "".join(f"{indent}'{key}' = '{value}',\n" for key, value in pairs)

    return _OPTIONS.sub(lines, text)


def fill(text: str, values: Mapping[str, str], *, source: str) -> str:
    """Return `text` with each ${placeholder} replaced, quotes doubled since all stand inside SQL literals.

    Raises:
        UnusableScript: `source` names a placeholder that has no value.
    """
    quoted = {name: value.replace("'", "''") for name, value in values.items()}
    try:
        return Template(text).substitute(quoted)
    except KeyError as error:
        known = ", ".join(sorted(values))
        raise UnusableScript(f"{source} asks for ${{{error.args[0]}}}; known are {known}") from error
    except ValueError as error:
        raise UnusableScript(f"{source} has a $ that starts no placeholder ({error}); write $$") from error


def statements(text: str) -> Iterator[str]:
    """Yield the statements of `text` without comments; a statement set, from BEGIN to END, is one."""
    pending = ""
    members: list[str] = []
    for lexeme in _LEXEME.findall(text):
        if lexeme.startswith("--"):
            continue
        if lexeme != ";":
            pending += lexeme
            continue
        statement, pending = pending.strip(), ""
        if members or _SET_OPENS.match(statement):
            members.append(statement)
            if _SET_CLOSES.match(statement):
                yield ";\n".join(members) + ";"
                members = []
        elif statement:
            yield statement
    if members:
        raise UnusableScript("a statement set has no END")
    if pending.strip():
        yield pending.strip()
