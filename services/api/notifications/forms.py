"""What is posted about contacts and rules, and how they are shown: a channel never."""

import re
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.alerts import Severity
from schemas.times import format_ms
from services.api.notifications.ledger import Attempt, Notice, Stored
from services.api.notifications.lines import Contact, Hours, Language, Link, Rule

_Text = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00,]*$")]
_Id = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
_Areas = Annotated[list[_Text], Field(max_length=200)]
_Minute = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
_MINUTE = re.compile(r"(\d\d):(\d\d)")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChannelBody(_Body):
    """A channel: a label to know it by, and its URL in apprise's form."""

    label: _Text
    url: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]


class ContactBody(_Body):
    """A contact, whole. `channels` may be absent in a change: then they stay."""

    name: _Text
    language: Language = "zh"
    user: _Text | None = None
    member: _Text | None = None
    areas: _Areas | None = None
    per_hour: Annotated[int, Field(ge=1, le=600)] = 30
    channels: Annotated[list[ChannelBody], Field(min_length=1, max_length=8)] | None = None


class LinkBody(_Body):
    """A link of a chain: a contact, or a place whose people on duty are told, the first first."""

    contact: _Id | None = None
    place: _Text | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "LinkBody":
        if (self.contact is None) == (self.place is None):
            raise ValueError("needs either contact or place")
        return self


class HoursBody(_Body):
    """A span of every day, in the deployment's zone; it may cross midnight."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    from_: Annotated[_Minute, Field(alias="from")]
    to: _Minute


class RuleBody(_Body):
    """A rule, whole."""

    name: _Text
    severities: Annotated[list[Severity], Field(min_length=1, max_length=5)]
    rules: Annotated[list[_Text], Field(max_length=100)] = []
    areas: _Areas | None = None
    hours: HoursBody | None = None
    historical: bool = False
    chain: Annotated[list[LinkBody], Field(min_length=1, max_length=20)]
    step_s: Annotated[int, Field(ge=30, le=86_400)] = 300
    bundle_s: Annotated[int, Field(ge=0, le=3_600)] = 10

    def rule(self, areas: list[str] | None, created: str, author: str) -> Rule:
        """Return it as it is kept."""
        hours = self.hours
        return Rule(
            name=self.name,
            severities=list(self.severities),
            rules=list(self.rules),
            areas=areas,
            hours=None if hours is None else Hours(_minute(hours.from_), _minute(hours.to)),
            historical=self.historical,
            chain=[Link(contact=one.contact, place=one.place) for one in self.chain],
            step_s=self.step_s,
            bundle_s=self.bundle_s,
            created=created,
            author=author,
        )


def shown_contact(stored: Stored) -> dict[str, Any]:
    """Return a contact as it is answered: of its channels the labels and kinds."""
    one: Contact = stored.said
    return {
        "id": stored.id,
        "revision": stored.revision,
        "name": one.name,
        "language": one.language,
        "user": one.user,
        "member": one.member,
        "areas": one.areas,
        "per_hour": one.per_hour,
        "channels": [{"label": label, "kind": kind} for label, kind in one.kinds.items()],
        "created": one.created,
        "author": one.author,
    }


def shown_rule(stored: Stored) -> dict[str, Any]:
    """Return a rule as it is answered."""
    one: Rule = stored.said
    found = msgspec.structs.asdict(one) | {"id": stored.id, "revision": stored.revision}
    found["chain"] = [
        {"contact": link.contact} if link.contact is not None else {"place": link.place}
        for link in one.chain
    ]
    if one.hours is not None:
        found["hours"] = {"from": _text(one.hours.from_min), "to": _text(one.hours.to_min)}
    return found


def shown_notice(one: Notice) -> dict[str, Any]:
    """Return a notice as it is answered."""
    return {
        "n": one.n,
        "rule": one.rule,
        "alert": one.alert_id,
        "state": one.state,
        "told": one.told,
        "begun": format_ms(one.begun_ms),
        "next": format_ms(one.next_ms) if one.state == "waiting" else None,
    }


def shown_attempt(one: Attempt, answered_ms: int | None) -> dict[str, Any]:
    """Return an attempt as it is answered, with the receipt of its message."""
    return {
        "n": one.n,
        "at": format_ms(one.at_ms),
        "contact": one.contact,
        "channel": one.channel,
        "result": one.result,
        "detail": one.detail,
        "alerts": one.alerts,
        "answered": None if answered_ms is None else format_ms(answered_ms),
    }


def _minute(text: str) -> int:
    found = _MINUTE.fullmatch(text)
    assert found is not None  # The model has matched it.
    return int(found[1]) * 60 + int(found[2])


def _text(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
