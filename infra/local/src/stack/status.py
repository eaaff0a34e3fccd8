"""`status`: what runs, since when, and how much memory it takes."""

import time

from rich.console import Console
from rich.table import Table

from stack.memory import resident_bytes, tree_bytes
from stack.supervision import Info, Supervisor

MIB = 1024 * 1024
STYLES = {"RUNNING": "green", "STOPPED": "dim", "STARTING": "yellow", "STOPPING": "yellow"}


def show(supervisor: Supervisor, console: Console) -> bool:
    """Print the table; return whether everything that was started is running."""
    if not supervisor.is_running():
        console.print("The stack is not running.")
        return False
    infos = supervisor.processes()
    memory = tree_bytes(info.pid for info in infos.values() if info.pid)
    table = Table(box=None, padding=(0, 1))
    for column in ("service", "state", "pid", "up", "memory"):
        table.add_column(column, justify="left" if column in {"service", "state"} else "right")
    for info in infos.values():
        used = f"{memory[info.pid] / MIB:.0f} MiB" if info.pid else ""
        style = STYLES.get(info.state, "bold red")
        table.add_row(info.name, f"[{style}]{info.state.lower()}[/]", str(info.pid or ""), _uptime(info), used)
    supervising = resident_bytes(supervisor.pid())
    table.add_row("supervisord", "[green]running[/]", str(supervisor.pid()), "", f"{supervising / MIB:.0f} MiB")
    table.add_section()
    table.add_row("total", "", "", "", f"{(sum(memory.values()) + supervising) / MIB:.0f} MiB")
    console.print(table)
    return all(info.state in {"RUNNING", "STOPPED"} for info in infos.values())


def _uptime(info: Info) -> str:
    if not info.pid:
        return ""
    seconds = int(time.time()) - info.started
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
