"""Where everything is: the repository, the cache of tools, and the state of one running stack."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

# Linux allows 107 bytes for the path of a unix socket, and supervisord first binds a name that is longer by its pid.
LONGEST_SOCKET_PATH = 92
# The providers of the demo and of the end-to-end tests.
FIRST = ("stripe", "square")
THREE_BROKERS = 3


@dataclass(frozen=True, slots=True)
class Places:
    """The three roots, from which all other paths follow; whose webhooks this stack receives, on how many brokers."""

    repository: Path
    cache: Path
    state: Path
    providers: tuple[str, ...] = FIRST
    brokers: int = 1

    @property
    def infra(self) -> Path:
        """The committed files of this member: poms, go.mod files, checksums, Java sources."""
        return self.repository / "infra" / "local"

    @property
    def venv(self) -> Path:
        """The environment of everything but Flink."""
        return self.repository / ".venv"

    @property
    def venv_flink(self) -> Path:
        """The environment of the normalizer, which also carries Flink itself and its Java."""
        return self.repository / ".venv-flink"

    @property
    def tools(self) -> Path:
        """Complete tools, one directory per name and version."""
        return self.cache / "tools"

    @property
    def setup_logs(self) -> Path:
        """One log per set-up job."""
        return self.cache / "logs"

    @property
    def config(self) -> Path:
        """Rendered configuration files of the servers."""
        return self.state / "config"

    @property
    def data(self) -> Path:
        """What the servers store."""
        return self.state / "data"

    @property
    def flink_home(self) -> Path:
        """The Flink distribution that the cluster runs from (a link to the present one)."""
        return self.data / "flink" / "home"

    @property
    def logs(self) -> Path:
        """One log per process and per step."""
        return self.state / "logs"

    @property
    def run(self) -> Path:
        """Start scripts, the supervisor's configuration and its pid file."""
        return self.state / "run"

    @property
    def stop_order(self) -> Path:
        """The order to stop processes in, as JSON: it must be known even where definitions cannot be made any more."""
        return self.run / "stop-order.json"

    @property
    def secrets(self) -> Path:
        """The generated passwords of this state directory."""
        return self.state / "secrets.env"

    @property
    def supervisor_socket(self) -> Path:
        """The supervisor's socket: in the state directory, or in a private temporary one if that path is too long."""
        inside = self.run / "supervisor.sock"
        if len(str(inside).encode()) <= LONGEST_SOCKET_PATH:
            return inside
        digest = hashlib.sha256(str(self.state).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"payments-stack-{digest}" / "supervisor.sock"


def brokers_of(state: Path) -> int | None:
    """Return with how many brokers the Kafka of a state directory was made; None where there is none yet."""
    # The first broker's storage is made last.
    for number in (THREE_BROKERS, 1):
        if (state / "data" / broker_name(number) / "meta.properties").is_file():
            return number
    return None


def broker_name(number: int) -> str:
    """Return the name of a broker's process and directories; the first has the name that the only one has."""
    return "kafka" if number == 1 else f"kafka-{number}"
