"""What a Dockerfile says, by stage."""

import re
from dataclasses import dataclass, field


@dataclass
class Stage:
    """A stage: its base, and its instructions with those of the stages that it is made from before them."""

    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.instructions if each == name]

    def last(self, name: str) -> str:
        return self.all(name)[-1]


def _filled(text: str, arguments: dict[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda match: arguments.get(match[1], match[0]), text)


def stages(text: str) -> dict[str, Stage]:
    """Return the stages by name; arguments are filled in with what they are unless given.

    As in a build, a stage has those alone that it, or a stage that it is made from, declares.
    """
    joined = re.sub(r"\\\n\s*", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    lines = [line for line in joined.splitlines() if line.strip()]
    first: dict[str, str] = {}
    found: dict[str, Stage] = {}
    scopes: dict[str, dict[str, str]] = {}
    arguments = first
    for line in lines:
        keyword, _, rest = line.partition(" ")
        if keyword == "FROM":
            arguments = first
        value = _filled(rest.strip(), arguments)
        if keyword == "ARG":
            name, _, default = value.partition("=")
            arguments[name] = default or first.get(name, "")
        if keyword == "FROM":
            base, _, name = value.partition(" AS ")
            inherited = found[base].instructions if base in found else []
            stage = found[name] = Stage(name, base, list(inherited))
            arguments = scopes[name] = dict(scopes.get(base, {}))
        elif found:
            stage.instructions.append((keyword, value))
    return found
