"""What is set aside is not gone through again."""

import gc

from services.ingest.garbage import YOUNG_OBJECTS, tended


def test_what_is_in_memory_is_set_aside_until_the_end() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with tended() as set_aside:
        kept = [[number] for number in range(1000)]
        set_aside()
        assert gc.get_freeze_count() > frozen + len(kept)
        assert gc.get_threshold() == (YOUNG_OBJECTS, *before[1:])
    assert (gc.get_freeze_count(), gc.get_threshold()) == (0, before)


def test_garbage_is_collected_before() -> None:
    class Ring:
        def __init__(self) -> None:
            self.itself = self

    with tended() as set_aside:
        Ring()
        set_aside()
    assert not [each for each in gc.get_objects() if isinstance(each, Ring)]
