"""The ports of the stack, and the check that they are free."""

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Self

from stack.errors import StackError

LOOPBACK = "127.0.0.1"
OFFSET_VARIABLE = "PAYMENTS_PORT_OFFSET"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Every port that the stack listens on; all of them on loopback."""

    dagster: int = 13000
    dagster_code: int = 13001
    console: int = 13002
    postgres: int = 15432
    trino: int = 18080
    registry: int = 18081
    registry_management: int = 18082
    flink: int = 18083
    flink_rpc: int = 18084
    flink_blob: int = 18085
    flink_task_rpc: int = 18086
    flink_task_data: int = 18087
    flink_metrics: int = 18088
    flink_task_metrics: int = 18089
    temporal: int = 17233
    temporal_history: int = 17234
    temporal_matching: int = 17235
    temporal_worker: int = 17239
    temporal_http: int = 17243
    temporal_metrics: int = 17290
    temporal_membership: int = 17333
    temporal_history_membership: int = 17334
    temporal_matching_membership: int = 17335
    temporal_worker_membership: int = 17339
    gateway_1: int = 18100
    gateway_2: int = 18101
    gateway_3: int = 18102
    gateway_4: int = 18103
    gateway_5: int = 18104
    gateway_6: int = 18105
    gateway_7: int = 18106
    gateway_8: int = 18107
    inference: int = 18110
    archiver_metrics: int = 18121
    orchestrator_metrics: int = 18122
    watch_metrics: int = 18123
    orchestrator_temporal_metrics: int = 18124
    normalizer_1: int = 18130
    normalizer_2: int = 18131
    normalizer_3: int = 18132
    normalizer_4: int = 18133
    normalizer_5: int = 18134
    normalizer_6: int = 18135
    normalizer_7: int = 18136
    normalizer_8: int = 18137
    catalog: int = 18181
    temporal_ui: int = 18233
    object_store: int = 19000
    object_store_1: int = 19001
    object_store_2: int = 19002
    object_store_3: int = 19003
    object_store_4: int = 19004
    object_store_5: int = 19005
    object_store_6: int = 19006
    object_store_7: int = 19007
    object_store_8: int = 19008
    prometheus: int = 19090
    alertmanager: int = 19091
    kafka: int = 19092
    kafka_controller: int = 19093
    kafka_2: int = 19094
    kafka_controller_2: int = 19095
    kafka_3: int = 19096
    kafka_controller_3: int = 19097

    @classmethod
    def with_offset(cls, offset: int) -> Self:
        """Return the ports of a second stack beside the default one."""
        return cls(**{field.name: getattr(cls(), field.name) + offset for field in fields(cls)})

    def named(self, names: Iterable[str]) -> dict[str, int]:
        """Return the numbers of the named ports."""
        return {name: getattr(self, name) for name in names}


GATEWAYS = tuple(field.name for field in fields(Ports) if field.name.startswith("gateway_"))
"""Names of the ports at which gateways listen; `stack.gateways` says whose is which."""
NORMALIZERS = tuple(field.name for field in fields(Ports) if field.name.startswith("normalizer_"))
"""Names of the ports at which normalizers show metrics and health, in the order of the gateways."""


def url(port: int) -> str:
    """Return the HTTP address of a port of this stack."""
    return f"http://{LOOPBACK}:{port}"


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of the loopback interface now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port that is merely in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def require_free(wanted: Mapping[str, Iterable[int]]) -> None:
    """Raise StackError if one of the ports that a service wants is taken.

    `wanted` maps a service's name to its ports.
    """
    for service, numbers in wanted.items():
        for port in numbers:
            if not is_free(port):
                raise StackError(
                    f"Port {port}, which {service} needs, is in use by another program: stop that program, "
                    f"or move this stack with {OFFSET_VARIABLE} (for example {OFFSET_VARIABLE}=5000)."
                )
