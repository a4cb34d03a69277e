"""What a request is answered with when it is taken: 202 and these counts."""

import msgspec
from msgspec import Struct

from schemas.problems import Problem


class ItemProblem(Struct):
    """The problem of one item; `index` is its place in the request, from 0."""

    index: int
    problem: Problem


class Outcome(Struct):
    """The answer of a request."""

    accepted: int
    duplicates: int
    rejected: list[ItemProblem]
    warnings: list[ItemProblem]

    def reject(self, index: int, problem: Problem) -> None:
        """Note a rejected item. Its problem always names a field: `$` is the item as a whole."""
        if problem.field is None:
            problem = msgspec.structs.replace(problem, field="$")
        self.rejected.append(ItemProblem(index, problem))


def no_outcome() -> Outcome:
    """Return the outcome of a request without items."""
    return Outcome(0, 0, [], [])
