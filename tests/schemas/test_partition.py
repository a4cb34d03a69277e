"""Where a record goes: as Kafka's own partitioner says, and look-alikes together."""

import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from schemas.confusion import fold, neighbours
from schemas.partition import partition_of

plates = st.text(alphabet="浙京粤ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", min_size=5, max_size=9)
counts = st.integers(1, 64)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The vectors of Kafka's own UtilsTest.testMurmur2, as signed 32-bit integers.
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_the_hash_is_kafkas(text: str, expected: int) -> None:
    signed = (murmur2(text.encode()) ^ 0x80000000) - 0x80000000
    assert signed == expected
    assert partition_of(text, 1000) == (expected & 0x7FFFFFFF) % 1000


@pytest.mark.parametrize(
    ("subject", "partition"),
    [
        # Pinned: a deployment's subjects must not move when the software changes.
        ("vehicle:浙F12345", 6),
        ("person:0:6d2e57e5a68f5fa6c685474e36acf5b3", 5),
        ("site:north-gate", 4),
    ],
)
def test_subjects_stay_where_they_are(subject: str, partition: int) -> None:
    assert partition_of(subject, 12) == partition


@given(plates, counts)
def test_a_plate_and_its_neighbours_share_a_partition(plate: str, partitions: int) -> None:
    here = partition_of(f"vehicle:{plate}", partitions)
    assert 0 <= here < partitions
    for other in neighbours(plate):
        assert partition_of(f"vehicle:{other}", partitions) == here


@given(plates, counts)
def test_a_vehicle_goes_by_its_folded_plate_alone(plate: str, partitions: int) -> None:
    # Without the prefix: the contract hashes the plate itself.
    assert partition_of(f"vehicle:{plate}", partitions) == partition_of(fold(plate), partitions)


def test_only_vehicles_are_folded() -> None:
    # 8 and B look alike, but two sites of such names have nothing in common.
    spread = {partition_of(f"site:{name}", 1 << 20) for name in ("gate-8", "gate-B")}
    assert len(spread) == 2


def test_partitions_are_used_evenly() -> None:
    counted = [0] * 4
    for number in range(4000):
        counted[partition_of(f"vehicle:浙F{number:05d}", 4)] += 1
    # Folding makes some plates equal; none of the workers may be idle for it.
    assert min(counted) > 700
