"""The manifest of a coach: who is on it, has arrived, is missing, or came besides. Pure."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from services.api.tasks.task import OPEN, Task


class Manifest(Struct, frozen=True):
    """The persons of a coach, by pseudonym: all that were to come, and what became of them."""

    listed: int
    on_board: int
    arrived: int
    missing: list[str]
    extra: list[str]


def manifest(items: Sequence[Task]) -> Manifest:
    """Return the manifest; whoever got on is in progress, and missing until seen to arrive."""
    extra = [task.item or "" for task in items if task.result == "extra"]
    listed = [task for task in items if task.result != "extra" and task.state != "cancelled"]
    return Manifest(
        listed=len(listed),
        on_board=sum(task.state == "in-progress" for task in listed),
        arrived=sum(task.result == "arrived" for task in listed),
        missing=[task.item or "" for task in listed if task.state in OPEN or _lost(task)],
        extra=extra,
    )


def arrivals(items: Sequence[Task], persons: Iterable[str]) -> tuple[list[Task], list[str], int]:
    """Return the items of those who arrived, who came without being listed, and how many had
    arrived before."""
    by_person = {task.item: task for task in items}
    came: list[Task] = []
    extra: list[str] = []
    repeats = 0
    for person in dict.fromkeys(persons):
        task = by_person.get(person)
        if task is None:
            extra.append(person)
        elif task.state in OPEN:
            came.append(task)
        else:
            repeats += 1
    return came, extra, repeats


def _lost(task: Task) -> bool:
    return task.result == "missing" or task.state == "not-executable"
