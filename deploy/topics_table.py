"""The table of `cordon topics list`."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from deploy.topics import Standing


def show(standing: Iterable[Standing]) -> None:
    """Print what every topic is and whether it is there as it must be."""
    table = Table(box=None, pad_edge=False)
    for column in ("topic", "partitions", "cleanup", "key", "about"):
        table.add_column(column)
    for each in standing:
        table.add_row(
            each.topic.name, _count(each), each.topic.cleanup, each.topic.key, each.topic.about
        )
    Console(highlight=False).print(table)


def _count(each: Standing) -> str:
    if each.partitions is None:
        return "[red]missing[/red]"
    if each.partitions != each.wanted_partitions:
        return f"[red]{each.partitions}, not {each.wanted_partitions}[/red]"
    return str(each.partitions)
