"""A partition's state between runs: the compacted state topic, and RocksDB as its local cache."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from rocksdict import AccessType, BlockBasedOptions, Options, Rdict, WriteBatch

from schemas.parsed import as_parsed
from schemas.topics import WORKER_STATE
from services.alerts.agents import metrics
from services.alerts.engine.book import Change

log = structlog.get_logger()

_OFFSET = b"!offset"
_SAVED_AT = b"!saved-at"
# Compaction drops the tombstones of the state topic after a day: an older cache could keep what
# is gone.
OLDEST_CACHE_S = 12 * 3600
_BUFFER_BYTES = 4 << 20


class LocalStore:
    """The state of one partition on this machine's disk: a cache, never the truth."""

    def __init__(self, folder: Path, partition: int) -> None:
        self._path = folder / f"partition-{partition}"
        self._db: Rdict | None = None
        folder.mkdir(parents=True, exist_ok=True)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        # It is written all the time and read once, as a whole: room in memory would be wasted.
        options.set_write_buffer_size(_BUFFER_BYTES)
        tables = BlockBasedOptions()
        tables.disable_cache()
        options.set_block_based_table_factory(tables)
        try:
            self._db = Rdict(str(self._path), options, access_type=AccessType.read_write())
        except Exception as error:
            # Another worker that has not stopped yet may hold it; the topic has everything.
            metrics.LOCAL_STORE_ERRORS.inc()
            log.warning("local store not opened", path=str(self._path), error=str(error))

    def load(self) -> tuple[dict[bytes, bytes], int] | None:
        """Return the records and the offset of the state topic from which to read on.

        None = there is nothing that could be relied on; then `refill` is due.
        """
        if self._db is None:
            return None
        saved_at = self._db.get(_SAVED_AT)
        if saved_at is None or time.time() - int(saved_at) > OLDEST_CACHE_S:
            return None
        records = cast(dict[bytes, bytes], dict(self._db.items()))
        offset = int(records.pop(_OFFSET, b"0"))
        records.pop(_SAVED_AT, None)
        return records, offset

    def refill(self, records: Mapping[bytes, bytes], next_offset: int) -> None:
        """Hold exactly these records: what is saved later is only what changes from here on."""
        if self._db is None:
            return
        gone: list[Change] = [
            (key, None) for key in cast(Iterable[bytes], self._db.keys()) if key not in records
        ]
        self.save([*gone, *records.items()], next_offset)

    def save(self, changes: Iterable[Change], next_offset: int) -> None:
        """Write a committed batch, all of it or nothing."""
        if self._db is None:
            return
        batch = WriteBatch(raw_mode=True)
        for key, value in changes:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(_OFFSET, str(next_offset).encode())
        batch.put(_SAVED_AT, str(int(time.time())).encode())
        try:
            self._db.write(batch)
        except Exception as error:
            metrics.LOCAL_STORE_ERRORS.inc()
            log.error("local store not written", path=str(self._path), error=str(error))
            self.close()

    def close(self) -> None:
        """Give the files back."""
        if self._db is not None:
            self._db.close()
            self._db = None


async def restore(bootstrap: str, partition: int, local: LocalStore) -> dict[bytes, bytes]:
    """Return the newest record of each piece of state, from the cache and the state topic.

    The cache is brought to where the topic ends: with what it lacked, or whole.
    """
    cached = local.load()
    place = TopicPartition(WORKER_STATE, partition)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=8 << 20,
        fetch_max_wait_ms=50,
        value_deserializer=as_parsed,
    )
    await consumer.start()
    try:
        consumer.assign([place])
        ends = await consumer.end_offsets([place])
        starts = await consumer.beginning_offsets([place])
        if cached is not None and not starts[place] <= cached[1] <= ends[place]:
            # The cache is of another topic of that name, or the topic has lost its beginning.
            cached = None
        records, offset = cached or ({}, starts[place])
        changes: dict[bytes, bytes | None] = {}
        consumer.seek(place, offset)
        while await consumer.position(place) < ends[place]:
            for record in (await consumer.getmany(place, timeout_ms=200)).get(place, ()):
                if cached is not None:
                    changes[record.key] = record.value
                if record.value is None:
                    records.pop(record.key, None)
                else:
                    records[record.key] = record.value
    finally:
        await consumer.stop()
    if cached is None:
        local.refill(records, ends[place])
    else:
        local.save(changes.items(), ends[place])
    return records
