"""The files that Kafka reads: `server.properties` and the configuration of its log."""

from pathlib import Path

from deploy.broker.ports import LOOPBACK

_MIB = 1024 * 1024
MAX_MESSAGE_BYTES = 4 * _MIB


def server_properties(*, port: int, controller_port: int, log_dir: Path) -> str:
    """The text of `server.properties` for a single node that is broker and controller in one.

    Ports are written anew at each start: the quorum is named here and not in the data, so data
    made on one port go on working on another.
    """
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(log_dir),
        # Topics come from schemas/ through `cordon topics apply` alone.
        "auto.create.topics.enable": "false",
        "num.partitions": "1",
        # One node, so every internal topic has one replica; few partitions start faster.
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        # After a kill Kafka waits for the dead broker's session before it serves again; with one
        # node there is nobody to protect by a long one.
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "500",
        # Waiting for more members of a group only delays the start on one machine.
        "group.initial.rebalance.delay.ms": "0",
        "transaction.max.timeout.ms": "900000",
        # An aborted producer should not hold back read_committed readers for long.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "2000",
        "message.max.bytes": str(MAX_MESSAGE_BYTES),
        "replica.fetch.max.bytes": str(MAX_MESSAGE_BYTES),
        "log.cleaner.enable": "true",
        "log.cleaner.threads": "1",
        "log.cleaner.dedupe.buffer.size": str(16 * _MIB),
        # Segments and indexes are preallocated per partition; the defaults are for big disks.
        "log.segment.bytes": str(256 * _MIB),
        "log.index.size.max.bytes": str(2 * _MIB),
        # The machine has few cores and one disk.
        "num.network.threads": "2",
        "num.io.threads": "4",
        "num.recovery.threads.per.data.dir": "2",
        "background.threads": "2",
        "num.replica.fetchers": "1",
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def log4j2_properties(log_dir: Path) -> str:
    """The text of a log4j2 configuration that rolls `broker.log` at 10 MB and keeps 5 files."""
    return f"""\
status = error
name = cordon-broker

appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {log_dir}/broker.log
appender.file.filePattern = {log_dir}/broker.%i.log
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{yyyy-MM-dd'T'HH:mm:ss.SSSXXX}} %-5p %c{{1}}: %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 5

rootLogger.level = info
rootLogger.appenderRef.file.ref = file

# One line for each request or each cleaned segment helps nobody here.
logger.clients.name = org.apache.kafka.clients
logger.clients.level = warn
logger.cleaner.name = org.apache.kafka.storage.internals.log.LogCleaner
logger.cleaner.level = warn
"""
