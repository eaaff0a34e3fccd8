"""Processes of the local stack, found by what its supervisor leaves in their environment."""

from pathlib import Path


def pid_of(service: str, state: Path) -> int:
    """Return the process id of a service of the stack in this state directory; raise LookupError if it does not run."""
    marks = {f"SUPERVISOR_PROCESS_NAME={service}".encode(), f"PAYMENTS_SUPERVISED_BY={state}".encode()}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if marks <= set((entry / "environ").read_bytes().split(b"\0")):
                return int(entry.name)
        except OSError:
            continue
    raise LookupError(f"{service} does not run")


def listeners(pid: int) -> set[str]:
    """Return the addresses that a process listens on, of IPv4 and IPv6, in the kernel's hexadecimal form."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(str(descriptor.readlink()))
        except OSError:
            continue
    listening = "0A"
    return {
        fields[1].partition(":")[0]
        for table in ("tcp", "tcp6")
        for fields in (line.split() for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:])
        if fields[3] == listening and f"socket:[{fields[9]}]" in sockets
    }
