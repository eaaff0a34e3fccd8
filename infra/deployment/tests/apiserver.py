"""An API server of Kubernetes on loopback, without nodes and controllers, and its etcd: for the time of a check."""

import os
import random
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import trustme
import yaml

from deployment import tools

LOOPBACK = "127.0.0.1"
_TOKEN = "of-the-check"  # of a server that lives for a minute, on loopback
_SECONDS_TO_START = 180
_SECONDS_TO_END = 60
MODULE = "k8s.io/kubernetes"
# The server tells its version to Helm, which compares it with the chart's.
_VERSION_IN = "k8s.io/component-base/version.gitVersion"
_PROGRAMS = {
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "etcd": "go.etcd.io/etcd/server/v3",
}

Resource = dict[str, Any]


def programs() -> Path:
    """Return the directory of the server, of kubectl and of etcd; building them takes a quarter of an hour, once."""
    return tools.built("apiserver", MODULE, _PROGRAMS, _VERSION_IN)


class RefusedError(Exception):
    """The server does not take something."""


class ApiServer:
    """A client of a running server, with all rights."""

    def __init__(self, url: str, authority: Path, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self.client = httpx.Client(
            base_url=url,
            verify=ssl.create_default_context(cafile=str(authority)),
            headers={"Authorization": f"Bearer {_TOKEN}"},
            timeout=60,
            trust_env=False,
        )
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}

    def path(self, api: str, kind: str, namespace: str) -> str:
        """Return where resources of a kind are; raise RefusedError where the server knows no such kind."""
        root = f"/apis/{api}" if "/" in api else f"/api/{api}"
        if (api, kind) not in self._plurals:
            for each in self.asked("GET", root)["resources"]:
                if "/" not in each["name"]:
                    self._plurals[api, each["kind"]] = (each["name"], each["namespaced"])
        if (api, kind) not in self._plurals:
            raise RefusedError(f"{api} has no {kind}")
        plural, namespaced = self._plurals[api, kind]
        return f"{root}/namespaces/{namespace}/{plural}" if namespaced else f"{root}/{plural}"

    def asked(self, method: str, path: str, **options: Any) -> Resource:
        """Return the answer to a request; raise RefusedError with what the server says against it."""
        return self._checked(self.client.request(method, path, **options))

    def created(self, resource: Resource, namespace: str = "default") -> Resource:
        """Create a resource."""
        path = self.path(resource["apiVersion"], resource["kind"], namespace)
        return self.asked("POST", path, json=resource, params={"fieldValidation": "Strict"})

    def found(self, api: str, kind: str, namespace: str) -> list[Resource]:
        """Return the resources of a kind."""
        items: list[Resource] = self.asked("GET", self.path(api, kind, namespace))["items"]
        return items

    def tried(self, resource: Resource, namespace: str, *, apply: bool = False) -> list[str]:
        """Return what the server says against creating or applying a resource, warnings too; it keeps nothing."""
        asked = {"dryRun": "All", "fieldValidation": "Strict", "fieldManager": "check"}
        name = resource["metadata"]["name"]
        try:
            path = self.path(resource["apiVersion"], resource["kind"], namespace)
            if apply:
                answer = self.client.patch(
                    f"{path}/{name}",
                    json=resource,
                    params=asked,
                    headers={"Content-Type": "application/apply-patch+yaml"},
                )
            else:
                answer = self.client.post(path, json=resource, params=asked)
            self._checked(answer)
        except RefusedError as error:
            return [f"{resource['kind']} {name}: {error}"]
        return [f"{resource['kind']} {name}: {warning}" for warning in answer.headers.get_list("warning")]

    def _checked(self, answer: httpx.Response) -> Resource:
        if answer.is_success:
            said: Resource = answer.json()
            return said
        with suppress(ValueError):
            raise RefusedError(answer.json().get("message", answer.text))
        raise RefusedError(f"{answer.status_code} {answer.text}")


@contextmanager
def serving(directory: Path) -> Iterator[ApiServer]:
    """Run etcd and the API server, whose files are in a directory, until the context ends."""
    built = programs()
    etcd, peers, port = _free_ports(3)
    url = f"https://{LOOPBACK}:{port}"
    authority = _certificates(directory)
    with ExitStack() as stack:
        _run(stack, directory, built / "etcd", *_etcd(directory, etcd, peers))
        server = _run(stack, directory, built / "kube-apiserver", *_server(directory, etcd, port))
        api = ApiServer(url, authority, _kubeconfig(directory, url, authority))
        stack.callback(api.client.close)
        _wait(api, server, directory / "kube-apiserver.log")
        yield api


def _etcd(directory: Path, port: int, peers: int) -> tuple[str, ...]:
    clients, between = f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{peers}"
    return (
        *("--data-dir", str(directory / "etcd"), "--log-level=error", "--unsafe-no-fsync"),
        *(f"--listen-client-urls={clients}", f"--advertise-client-urls={clients}"),
        *(f"--listen-peer-urls={between}", f"--initial-advertise-peer-urls={between}"),
        f"--initial-cluster=default={between}",
    )


def _server(directory: Path, etcd: int, port: int) -> tuple[str, ...]:
    key = directory / "server.key"
    return (
        *(f"--etcd-servers=http://{LOOPBACK}:{etcd}", f"--bind-address={LOOPBACK}", f"--secure-port={port}"),
        # Loopback is no address of an endpoint, which nobody here looks for.
        *(f"--advertise-address={LOOPBACK}", "--endpoint-reconciler-type=none"),
        *("--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=RBAC", "--profiling=false"),
        *(f"--tls-cert-file={directory / 'server.crt'}", f"--tls-private-key-file={key}"),
        f"--token-auth-file={directory / 'tokens.csv'}",
        *(f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}"),
        "--service-account-issuer=https://check.invalid",
    )


def _certificates(directory: Path) -> Path:
    made = trustme.CA()
    issued = made.issue_cert(LOOPBACK, "localhost")
    issued.private_key_pem.write_to_path(str(directory / "server.key"))
    issued.cert_chain_pems[0].write_to_path(str(directory / "server.crt"))
    made.cert_pem.write_to_path(str(directory / "ca.crt"))
    (directory / "tokens.csv").write_text(f'{_TOKEN},check,check,"system:masters"\n', encoding="ascii")
    return directory / "ca.crt"


def _kubeconfig(directory: Path, url: str, authority: Path) -> Path:
    path = directory / "kubeconfig"
    said = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "check", "cluster": {"server": url, "certificate-authority": str(authority)}}],
        "users": [{"name": "check", "user": {"token": _TOKEN}}],
        "contexts": [{"name": "check", "context": {"cluster": "check", "user": "check"}}],
        "current-context": "check",
    }
    path.write_text(yaml.safe_dump(said), encoding="utf-8")
    # Helm warns where others may read it.
    path.chmod(0o600)
    return path


def _run(stack: ExitStack, directory: Path, program: Path, *arguments: str) -> subprocess.Popen[bytes]:
    log = stack.enter_context((directory / f"{program.name}.log").open("wb"))
    process = subprocess.Popen(
        [str(program), *arguments],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "HOME": str(directory)},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    stack.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(api: ApiServer, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _SECONDS_TO_START
    while True:
        with suppress(httpx.TransportError):
            if api.client.get("/readyz").is_success:
                return
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"the API server is not ready: {log.read_text(encoding='utf-8')[-4000:]}")
        time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    # Below those that the system gives to whoever connects.
    found: list[int] = []
    for port in random.sample(range(12_000, 32_768), 1000):
        if len(found) < count:
            with socket.socket() as probe, suppress(OSError):
                probe.bind((LOOPBACK, port))
                found.append(port)
    return found
