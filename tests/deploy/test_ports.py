"""Ports are looked at before anything starts, and a taken one is told in one line."""

import socket

import pytest

from deploy.listening import PortTaken, address, check_ports
from schemas.settings import Settings


def test_a_taken_port_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken) as caught:
            check_ports(Settings(api_port=0, ingest_port=port, worker_port=0))
    text = str(caught.value)
    assert f"127.0.0.1:{port}" in text
    assert "CORDON_INGEST_PORT" in text
    assert "\n" not in text


def test_any_free_port_is_never_taken() -> None:
    check_ports(Settings(api_port=0, ingest_port=0, worker_port=0))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("10.0.0.1", "http://10.0.0.1:80"),
    ],
)
def test_addresses_are_for_callers_on_this_machine(host: str, expected: str) -> None:
    assert address(host, 80) == expected
