"""A taken port is told before anything starts, with the setting that changes it."""

import socket
from pathlib import Path

import pytest

from deploy.broker import Broker, BrokerSettings, PortTakenError
from deploy.broker.ports import claim_port


def test_zero_takes_a_free_port() -> None:
    assert claim_port(0, "CORDON_KAFKA_PORT") > 0


async def test_a_taken_port_is_named_and_nothing_is_spawned(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        broker = Broker(BrokerSettings(data_dir=tmp_path / "kafka", port=port))
        with pytest.raises(PortTakenError, match=rf"127\.0\.0\.1:{port} .*CORDON_KAFKA_PORT"):
            await broker.start()
    assert broker.process_group is None
    assert not (tmp_path / "kafka" / "server.properties").exists()
