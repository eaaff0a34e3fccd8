"""The chart's manifests as plain files, for who has no Helm, with a digest of what they are made from."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from stack.errors import StackError

from deployment import tools

RELEASE = NAMESPACE = "payments"
KUBERNETES = "1.33.0"
_HEADER = """\
# What infra/helm/payment-pipeline renders with its own values, in the namespace {namespace}: written by
# `.venv/bin/python -m deployment manifests`, do not edit. Jobs with helm.sh/hook are run before all others by hand.
# Inputs: {digest}
"""


def chart(repository: Path) -> Path:
    """Return the chart's folder."""
    return repository / "infra" / "helm" / "payment-pipeline"


def target(repository: Path) -> Path:
    """Return the file of the manifests."""
    return repository / "infra" / "k8s" / "payment-pipeline.yaml"


def digest(folder: Path) -> str:
    """Return a digest of all that a chart is made from, what its links lead to included."""
    summed = hashlib.sha256()
    for path in sorted(each for each in _files(folder)):
        summed.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return summed.hexdigest()


def digest_of(text: str) -> str:
    """Return the digest that manifests say they were made from; empty where they say nothing."""
    found = re.search(r"^# Inputs: ([0-9a-f]{64})$", text, re.MULTILINE)
    return found[1] if found else ""


def helm() -> Path:
    """Return Helm: of the PATH, or built from the pinned module, which takes minutes once.

    Raises:
        StackError: It could not be built; the error names the log.
    """
    if found := shutil.which("helm"):
        return Path(found)
    return tools.built("helm", "helm.sh/helm/v3", {"helm": "helm.sh/helm/v3/cmd/helm"}) / "helm"


def run(program: Path, *arguments: str) -> str:
    """Run Helm and return what it prints.

    Raises:
        StackError: It refused; the error says what it said.
    """
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if "found symbolic link" not in line]
        raise StackError("helm: " + "\n".join(said or done.stdout.splitlines()))
    return done.stdout


def render(program: Path, folder: Path, *options: str) -> str:
    """Return the manifests of a chart; raise StackError where Helm refuses it."""
    named = ("--namespace", NAMESPACE, "--kube-version", KUBERNETES)
    return run(program, "template", RELEASE, str(folder), *named, *options)


def manifests(program: Path, folder: Path) -> str:
    """Return the text of the committed file; raise StackError where Helm refuses the chart."""
    return _HEADER.format(namespace=NAMESPACE, digest=digest(folder)) + render(program, folder)


def _files(folder: Path) -> list[Path]:
    # Path.rglob does not enter links to folders.
    found: list[Path] = []
    for each in folder.iterdir():
        found += _files(each) if each.is_dir() else [each]
    return found
