"""A campaign as it is stored and answered."""

from typing import Any, Literal

from msgspec import Struct

from schemas.alerts import Reason
from services.api.tasks.transactions import Count

CampaignKind = Literal[
    "instruction",
    "canvass",
    "needs",
    "remediation",
    "intake",
    "opening",
    "worker-health",
    "roster",
    "questionnaire",
    "passes",
    "notice",
    "placement",
    "coach",
    "contacts",
]
CampaignState = Literal["open", "closed"]


class Campaign(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A campaign at one revision. Its items are tasks (`GET /v1/tasks?campaign=`).

    `about` is what it belongs to, such as `case:<id>` or `transfer:<id>`; `unit` leads it; `due`
    is when its items are to be done that say nothing else.
    """

    id: str
    n: int
    revision: int
    kind: CampaignKind
    state: CampaignState
    title: Reason
    author: str
    created: str
    about: str | None = None
    unit: str | None = None
    due: str | None = None
    closed: str | None = None
    closed_by: str | None = None


class Shown(Struct, frozen=True, kw_only=True):
    """A campaign with what became of its items: in all, by unit, and what its kind adds up."""

    campaign: Campaign
    total: Count
    units: list[Count]
    summary: dict[str, Any]


class ItemResult(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What became of one item that was given: its place in the request, its key and its task."""

    index: int
    outcome: Literal["created", "unchanged"]
    item: str
    task: str
    unit: str | None = None


class Taken(Struct, frozen=True):
    """A bed that is given away, and the task of whoever has it."""

    bed: str
    task: str


class ArrivalsTold(Struct, frozen=True, kw_only=True):
    """What became of arrivals: how many were awaited, how many had been told, who came besides."""

    arrived: int
    repeats: int
    extra: list[str]


class Placements(Struct, frozen=True, kw_only=True):
    """A bed plan by task, and the tasks of those without a bed; `kept` = the beds are given."""

    beds: dict[str, dict[str, str]]
    without: list[str]
    kept: bool


class Occupancy(Struct, frozen=True, kw_only=True):
    """The beds of a facility that are given away, and how many people it takes, where filed."""

    facility: str
    capacity: int | None
    taken: list[Taken]


class CampaignPage(Struct, frozen=True):
    """A page of campaigns, the counts of each one's items by its id, and the cursor of what
    follows."""

    items: list[Campaign]
    totals: dict[str, Count]
    next: str | None


class ItemResults(Struct, frozen=True):
    """What became of every item of a request."""

    items: list[ItemResult]
