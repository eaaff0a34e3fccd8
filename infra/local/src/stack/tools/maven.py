"""Gets servers that are published as Maven artifacts."""

import shutil
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from stack import checksums
from stack.errors import StackError
from stack.jobs import Task
from stack.places import Places
from stack.tools.installation import Slot, fingerprint, install

NAMESPACES = {"maven": "http://maven.apache.org/POM/4.0.0"}
PLUGIN_SERVICE = "META-INF/services/io.trino.spi.Plugin"


@dataclass(frozen=True, slots=True)
class MavenTool:
    """The jars that a pom of ours under infra/local/maven/<name> depends on, as `jars/` of one directory.

    `source` is a Java file of ours, compiled against the jars into `classes/`; `plugin` makes the jars a Trino
    plugin with that class; `unpack` says that the one artifact is an archive, to be unpacked instead.
    """

    places: Places
    name: str
    java_home: Path
    source: str | None = None
    plugin: str | None = None
    unpack: bool = False

    @property
    def pom(self) -> Path:
        """The committed pom."""
        return self.places.infra / "maven" / self.name / "pom.xml"

    @property
    def sums(self) -> Path:
        """The committed checksums of everything that the pom leads to."""
        return self.places.infra / "checksums" / f"{self.name}.sha256"

    @property
    def main_source(self) -> Path | None:
        """The Java file to be compiled, if there is one."""
        return self.places.infra / "java" / f"{self.source}.java" if self.source else None

    def version(self) -> str:
        """Return the pom's own version, which we keep equal to the server's."""
        found = ET.parse(self.pom).getroot().findtext("maven:version", namespaces=NAMESPACES)
        if not found:
            raise StackError(f"{self.pom} has no <version>.")
        return found

    def target(self) -> Path:
        """Return the directory with `jars/` and what else was asked for."""
        sources = [self.pom, self.sums, *([self.main_source] if self.main_source else [])]
        digest = fingerprint(sources, self.plugin or "", str(self.unpack))
        return Slot(self.places.tools, self.name, self.version(), digest).path

    def install(self, task: Task) -> None:
        """Download, verify and complete the tool; files that arrived before an interruption are not loaded again."""
        install(self.target(), lambda directory: self._fill(task, directory))

    def download(self, task: Task, directory: Path) -> None:
        """Copy all runtime dependencies of the pom into the directory."""
        # Two Mavens must not share a repository, and once the jars are copied it is of no more use.
        repository = self.places.cache / "maven" / self.name
        command: list[str | Path] = ["mvn", "--batch-mode", "--no-transfer-progress", "--file", self.pom]
        command += [f"-Dmaven.repo.local={repository}", f"-DoutputDirectory={directory}", "-DincludeScope=runtime"]
        task.run([*command, "dependency:copy-dependencies"], environment={"JAVA_HOME": str(self.java_home)})
        shutil.rmtree(repository, ignore_errors=True)

    def _fill(self, task: Task, directory: Path) -> None:
        jars = directory / "jars"
        self.download(task, jars)
        checksums.verify(jars, self.sums)
        if self.unpack:
            for archive in jars.iterdir():
                with tarfile.open(archive) as content:
                    content.extractall(directory, filter="data")
            shutil.rmtree(jars)
        if self.main_source:
            compiler = self.java_home / "bin" / "javac"
            task.run([compiler, "-d", directory / "classes", "-cp", f"{jars}/*", self.main_source])
        if self.plugin:
            with zipfile.ZipFile(jars / "payments-service.jar", "w") as jar:
                jar.writestr(PLUGIN_SERVICE, f"{self.plugin}\n")
