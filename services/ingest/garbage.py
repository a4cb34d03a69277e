"""The collector of garbage, kept away from what stays.

It goes through every object that it knows of, and everything waits meanwhile: with the program and
ten thousand orders in memory a fifth of a second, every few seconds. Both stay for as long as the
process runs, so they are set aside; what is left to go through is what requests have left behind.
"""

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Final

# Some dozens of requests at once hold so many objects; Python's own 700 is reached by four.
YOUNG_OBJECTS: Final = 10_000


@contextlib.contextmanager
def tended() -> Iterator[Callable[[], None]]:
    """Give a function that sets aside what is in memory; undo all of it at the end."""
    thresholds = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS, *thresholds[1:])
    try:
        yield set_aside
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def set_aside() -> None:
    """Collect what is garbage, and never look at the rest again.

    It costs as much as the objects that came since the last time. What is set aside is still freed
    when nothing refers to it; only a ring of such objects would stay.
    """
    gc.collect()
    gc.freeze()
    # By what this one leaves, which is nothing, the collector measures when the next is due.
    gc.collect()
