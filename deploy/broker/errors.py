"""What can go wrong with the embedded broker, one class for each thing a person must do."""


class BrokerError(Exception):
    """Any failure of the embedded broker; its text is fit to be shown to the operator."""


class PortTakenError(BrokerError):
    """Another process listens on the port that Kafka was told to use."""


class DataInUseError(BrokerError):
    """Another broker runs on the same data folder; two of them would destroy it."""


class FetchError(BrokerError):
    """A jar is not in the cache and could not be downloaded."""


class JarVerificationError(BrokerError):
    """The jars on disk are not exactly those of the lock, so nothing of them is run.

    `problems` has one sentence for each jar concerned; each sentence names the jar.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("refusing to start Kafka: " + "; ".join(problems))


class BrokerStartError(BrokerError):
    """The broker's process ended or did not answer in time; the text ends with its last log."""
