"""What is posted about webhooks, and how they are shown: never with their secret."""

from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from schemas.alerts import Severity, State
from schemas.problems import rejected
from schemas.times import format_ms
from services.api.webhooks.endpoints import Chosen, Endpoint, EndpointState, Letter

_Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
_Texts = Annotated[list[_Text], Field(max_length=50)]
_Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
_Url = Annotated[str, Field(min_length=1, max_length=2000)]


class FiltersBody(BaseModel):
    """Filters, as those of the feed; of several values of one filter, any."""

    model_config = ConfigDict(extra="forbid")

    rule: _Texts = []
    severity: Annotated[list[Severity], Field(max_length=10)] = []
    state: Annotated[list[State], Field(max_length=10)] = []
    grid: _Texts = []
    site: _Texts = []
    order: _Texts = []
    subject: _Texts = []
    capped: bool | None = None
    silenced: bool | None = None
    inhibited: bool | None = None
    q: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] | None = None

    def chosen(self) -> Chosen:
        """Return them as they are kept."""
        return Chosen(**self.model_dump())


class WebhookBody(BaseModel):
    """A new webhook."""

    model_config = ConfigDict(extra="forbid")

    name: _Name
    url: _Url
    filters: FiltersBody = FiltersBody()
    areas: _Texts | None = None


class WebhookChange(BaseModel):
    """What changes of a webhook; what is absent stays. `active` takes a disabled one up again."""

    model_config = ConfigDict(extra="forbid")

    name: _Name | None = None
    url: _Url | None = None
    filters: FiltersBody | None = None
    areas: _Texts | None = None
    state: Annotated[EndpointState, Field()] | None = None


class ReplayBody(BaseModel):
    """Which dead letters are tried again; without `letters`, all."""

    model_config = ConfigDict(extra="forbid")

    letters: (
        Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]], Field(max_length=500)] | None
    ) = None


def shown(one: Endpoint, letters: int) -> dict[str, Any]:
    """Return a webhook as it is answered."""
    target = one.target
    return {
        "id": one.id,
        "revision": one.revision,
        "name": target.name,
        "url": target.url,
        "filters": target.filters,
        "areas": target.areas,
        "state": one.state,
        "created": target.created,
        "author": target.author,
        "delivered": one.delivered,
        "failures": one.failures,
        "failing_since": _instant(one.failing_ms),
        "next_attempt": _instant(one.next_ms or None),
        "last_attempt": _instant(one.last_ms),
        "last_result": one.last_result,
        "dead_letters": letters,
        "rotating_until": _instant(one.former_until_ms or None),
    }


def shown_letter(letter: Letter) -> dict[str, Any]:
    """Return a dead letter as it is answered."""
    return {
        "n": letter.n,
        "id": letter.event_id,
        "type": letter.type,
        "committed": format_ms(letter.committed_ms),
        "dead_since": format_ms(letter.dead_ms),
        "reason": letter.reason,
        "again": letter.again,
        "event": msgspec.Raw(letter.body),
    }


def checked_state(state: EndpointState | None) -> EndpointState | None:
    """Return a state that people may set; raises Rejected for `disabled`, which only happens."""
    if state == "disabled":
        raise rejected("must be active or paused", "state")
    return state


def _instant(ms: int | None) -> str | None:
    return None if ms is None else format_ms(ms)
