"""The images: clean, small in rights, and made of all that their programs import."""

import os
import re
import subprocess
import sys
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import pytest

from .dockerfile import Stage, stages

ROOT = Path(__file__).resolve().parents[3]
IMAGES = ROOT / "infra" / "images"
DOCKERFILE = IMAGES / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")
STAGES = stages(DOCKERFILE.read_text(encoding="utf-8"))
TARGETS = {name: stage for name, stage in STAGES.items() if stage.base == "runtime"}
PROGRAMS = {"analytics", "archiver", "gateway", "inference", "normalizer", "operations", "orchestrator"}


def hadolint(text: str) -> list[str]:
    command = [str(HADOLINT), "--no-color", "--no-fail", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_hadolint_has_nothing_to_say() -> None:
    assert hadolint(DOCKERFILE.read_text(encoding="utf-8")) == []


def test_hadolint_would_see_a_base_image_without_a_version_and_a_root_user() -> None:
    said = "\n".join(hadolint("FROM python\nUSER root\n"))
    assert "DL3006" in said
    assert "DL3002" in said


def test_every_service_that_is_deployed_has_an_image() -> None:
    services = {path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").is_file()}
    assert set(TARGETS) == PROGRAMS == services - {"kit", "simulator"}


@pytest.mark.parametrize("stage", TARGETS.values(), ids=TARGETS)
def test_an_image_is_run_by_a_user_without_rights_who_is_known_by_number(stage: Stage) -> None:
    assert stage.last("USER") == "10001:10001"


@pytest.mark.parametrize("stage", TARGETS.values(), ids=TARGETS)
def test_an_image_says_what_it_is_and_how_it_is_asked_whether_it_lives(stage: Stage) -> None:
    labels = " ".join(stage.all("LABEL"))
    for name in ("title", "description", "version", "revision", "base.name"):
        assert f"org.opencontainers.image.{name}=" in labels
    asked = stage.last("HEALTHCHECK")
    # Programs that end, and the parts of Dagster, of which each is asked in another way.
    assert asked == "NONE" if stage.name in {"operations", "analytics"} else asked.endswith('/opt/healthcheck.py"]')


def test_an_image_names_the_base_that_it_was_built_on() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    other = re.sub(r"(?m)^ARG PYTHON_IMAGE=.*$", "ARG PYTHON_IMAGE=mirror.example.com/python@sha256:0", text)
    for made in (STAGES, stages(other)):
        assert f"org.opencontainers.image.base.name={made['base'].base}" in made["runtime"].last("LABEL").split()
    assert stages(other)["base"].base == "mirror.example.com/python@sha256:0"


def test_base_images_have_a_version_to_the_last_part() -> None:
    outside = {stage.base for stage in STAGES.values()} - set(STAGES)
    assert outside
    assert all(re.fullmatch(r"docker\.io/library/[a-z]+:\d+\.\d+\.\d+[-a-z0-9]*", each) for each in outside)


def packages(member: Path) -> set[Path]:
    """Return the folders of a member and of all members that it needs."""
    needed = tomllib.loads((member / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    folders = {member}
    for each in needed:
        if own := re.match(r"payments-(\w+)", each):
            folders |= packages(folder_of(own[1]))
    return folders


def folder_of(name: str) -> Path:
    return ROOT / "generated" / "python" if name == "contracts" else ROOT / "services" / name


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_an_image_has_all_of_our_packages_that_its_program_imports_and_no_others(name: str) -> None:
    build = STAGES[f"{name}-build"]
    (install,) = [each for each in build.all("RUN") if "uv pip install" in each]
    installed = {ROOT / each.removeprefix("./") for each in re.findall(r" (\./\S+)", install)}
    needed = packages(folder_of(name))
    if name == "analytics":  # whose audit is a command of this one
        needed |= packages(folder_of("operations"))
    assert installed == needed
    copied = {ROOT / each.split()[0] for each in build.all("COPY")}
    assert needed <= copied
    (sync,) = [each for each in build.all("RUN") if "uv sync" in each]
    assert f"payments-{name}" in sync or "--only-group flink" in sync
    assert "--frozen" in sync


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_program_that_an_image_starts_exists(name: str) -> None:
    started = f"{TARGETS[name].last('ENTRYPOINT')} {' '.join(TARGETS[name].all('CMD')[-1:])}"
    if module := re.search(r'"-m", "(\w+)"', started):
        assert find_spec(module[1]) is not None
    else:
        assert "/opt/dagster.sh" in started


def test_what_is_copied_exists_and_is_in_the_context() -> None:
    patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = tuple(line[1:] for line in patterns if line.startswith("!"))
    assert "*" in patterns
    for stage in STAGES.values():
        for copied in stage.all("COPY"):
            if copied.startswith("--from="):
                continue
            for source in copied.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert source.startswith(allowed), f"{source} is not let into the context by .dockerignore"


def test_scripts_of_images_can_be_run_and_are_sound() -> None:
    scripts = sorted(IMAGES.glob("*.sh"))
    assert scripts
    for script in scripts:
        assert os.access(script, os.X_OK), script
        assert subprocess.run(["sh", "-n", script], check=False).returncode == 0


def test_a_flink_home_is_made_of_the_distribution_and_the_connectors(tmp_path: Path) -> None:
    distribution = tmp_path / "venv/lib/python3.11/site-packages/pyflink"
    connectors, home = tmp_path / "jars", tmp_path / "flink"
    for path in (
        distribution / "bin" / "jobmanager.sh",
        distribution / "conf" / "log4j-console.properties",
        distribution / "lib" / "flink-dist.jar",
        distribution / "opt" / "flink-python-2.jar",
        distribution / "plugins" / "metrics-prometheus" / "reporter.jar",
        connectors / "flink-s3-fs-presto-2.jar",
        connectors / "flink-sql-connector-kafka-5.jar",
        connectors / "payments-recovery.jar",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o644)
    (distribution / "conf" / "config.yaml").write_text(
        "env:\n  java:\n    opts:\n      all: --add-exports=x --add-opens=y\n"
    )
    subprocess.run([IMAGES / "flink-home.sh", tmp_path / "venv", connectors, home], check=True)
    assert os.access(home / "bin" / "jobmanager.sh", os.X_OK)
    assert {path.name for path in (home / "lib").iterdir()} == {
        "flink-dist.jar",
        "flink-python-2.jar",
        "flink-sql-connector-kafka-5.jar",
        "payments-recovery.jar",
    }
    plugins = {path.parent.name: path.name for path in (home / "plugins").glob("*/*.jar")}
    assert plugins == {"flink-s3-fs-presto": "flink-s3-fs-presto-2.jar", "metrics-prometheus": "reporter.jar"}
    properties = "rest.port: 8081\nparallelism.default: 1"
    entry = [str(IMAGES / "flink-entrypoint.sh"), "sh", "-c", "cat $FLINK_CONF_DIR/config.yaml"]
    environment = {
        "PATH": os.environ["PATH"],
        "FLINK_HOME": str(home),
        "FLINK_PROPERTIES": properties,
        "TMPDIR": str(tmp_path),
    }
    written = subprocess.run(entry, env=environment, capture_output=True, text=True, check=True).stdout
    assert written == f"env.java.opts.all: --add-exports=x --add-opens=y\n{properties}\n"


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (None, 1)])
def test_the_health_check_fails_where_the_service_does_not_say_that_it_lives(status: int | None, code: int) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/healthz"
            self.send_response(status or 500)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        port = server.server_address[1]
        if status is not None:
            Thread(target=server.handle_request, daemon=True).start()
        else:
            server.socket.close()
        done = subprocess.run(
            [sys.executable, IMAGES / "healthcheck.py"],
            env={"METRICS_PORT": str(port)},
            capture_output=True,
            check=False,
        )
    assert done.returncode == code
