"""Records as the parser makes them say what aiokafka's own records say."""

from aiokafka.consumer import fetcher
from aiokafka.record._crecords import DefaultRecordBatchBuilder, MemoryRecords
from aiokafka.structs import ConsumerRecord, TopicPartition

from schemas.parsed import as_parsed

PLACE = TopicPartition("cordon.plate-hits.v1", 3)
AT_MS = 1_580_000_000_000


def _read(deserializer: object) -> list[ConsumerRecord]:
    batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1 << 16)
    batch.append(0, AT_MS, b"key", b"value", [("content-type", b"text")])
    batch.append(1, AT_MS + 1, None, None, [])
    read = MemoryRecords(bytes(batch.build()))
    isolation = fetcher.READ_COMMITTED
    return list(fetcher.PartitionRecords(PLACE, read, [], 0, None, deserializer, True, isolation))


def test_they_say_the_same() -> None:
    usual, parsed = _read(None), _read(as_parsed)
    assert len(parsed) == len(usual) == 2
    assert not any(isinstance(record, ConsumerRecord) for record in parsed)
    for one, other in zip(usual, parsed, strict=True):
        for name in ("offset", "timestamp", "timestamp_type", "key", "value"):
            assert getattr(one, name) == getattr(other, name), name
        assert one.headers == tuple(other.headers)


def test_who_does_not_ask_for_them_gets_aiokafkas_own() -> None:
    assert all(isinstance(record, ConsumerRecord) for record in _read(None))
