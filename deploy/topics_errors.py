"""What can be wrong with the topics; apart from `topics`, which takes aiokafka half a second."""


class TopicsError(Exception):
    """The broker's topics cannot be made what they must be; the text is for the operator."""


class PartitionMismatch(TopicsError):
    """A topic has another number of partitions than this deployment."""
