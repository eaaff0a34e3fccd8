import socket
from dataclasses import asdict

import pytest

from stack.errors import StackError
from stack.ports import LOOPBACK, Ports, is_free, require_free


def test_no_two_servers_share_a_port() -> None:
    numbers = list(asdict(Ports()).values())
    assert len(set(numbers)) == len(numbers)


def test_moves_every_port_by_the_offset() -> None:
    assert Ports.with_offset(5000).named(("kafka", "trino")) == {"kafka": 24092, "trino": 23080}


@pytest.mark.parametrize("offset", [5000, 10000, 20000])
def test_two_stacks_do_not_meet_at_round_offsets(offset: int) -> None:
    assert not set(asdict(Ports()).values()) & set(asdict(Ports.with_offset(offset)).values())


def test_names_port_service_and_variable_when_a_port_is_in_use() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=rf"Port {port}, which kafka needs, .*PAYMENTS_PORT_OFFSET"):
            require_free({"kafka": [port]})


def test_a_port_is_free_again_once_its_server_has_closed() -> None:
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen()
        port = server.getsockname()[1]
    assert is_free(port)
