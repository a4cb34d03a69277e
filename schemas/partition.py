"""Which partition a record belongs to (contracts: One record, one subject)."""

from functools import lru_cache

from aiokafka.partitioner import murmur2

from schemas.confusion import fold

VEHICLE = "vehicle:"


@lru_cache(maxsize=65536)
def _hash(subject: str) -> int:
    """By the whole subject, so that what is remembered saves the folding too."""
    key = fold(subject[len(VEHICLE) :]) if subject.startswith(VEHICLE) else subject
    return int(murmur2(key.encode())) & 0x7FFFFFFF


def partition_of(subject: str, partitions: int) -> int:
    """Return the partition of a subject.

    A vehicle goes by the murmur2 of its confusion-folded plate, so that a plate and its
    look-alikes meet on one partition; any other subject by the murmur2 of its key.
    """
    return _hash(subject) % partitions
