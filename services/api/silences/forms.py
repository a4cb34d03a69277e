"""Matchers as they are posted."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.problems import rejected
from services.api.silences.matchers import BadMatcher, Matcher, check
from services.api.silences.silence import hides_everything


class MatcherBody(BaseModel):
    """One condition on one label."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[str, Field(min_length=1, max_length=64)]
    value: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
    isRegex: bool = False
    isEqual: bool = True


Matchers = Annotated[list[MatcherBody], Field(min_length=1, max_length=20)]


def matchers_of(bodies: Sequence[MatcherBody], field: str) -> tuple[Matcher, ...]:
    """Return the matchers of a field of a request.

    Raises Rejected for one that cannot be used, and for those that hold for every alert.
    """
    found = tuple(Matcher(one.name, one.value, one.isRegex, one.isEqual) for one in bodies)
    for index, matcher in enumerate(found):
        try:
            check(matcher)
        except BadMatcher as error:
            raise rejected(str(error), f"{field}.{index}.{error.field}") from error
    if hides_everything(found):
        raise rejected("one of them must ask for a label that is there", field)
    return found
