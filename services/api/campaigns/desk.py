"""The desk of campaigns: their items are tasks, and what is asked of an item is its kind's form."""

import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from schemas.access import Grant
from schemas.alerts import Reason, Severity
from schemas.intake import Intake
from schemas.persons import IdentifierProblem, label
from schemas.problems import rejected
from schemas.times import format_ms, parse_ms
from services.api.campaigns import transactions
from services.api.campaigns.beds import Guest, Plan, Room, plan
from services.api.campaigns.campaign import (
    ArrivalsTold,
    Campaign,
    CampaignKind,
    ItemResult,
    Occupancy,
    Placements,
    Shown,
)
from services.api.campaigns.checklist import lacking
from services.api.campaigns.forms import checked
from services.api.campaigns.kinds import KINDS, Kind
from services.api.campaigns.manifests import arrivals
from services.api.campaigns.summaries import OF_ITEMS, summary
from services.api.guard import LEADERS
from services.api.routing.directory import Directory
from services.api.routing.route import territory_of
from services.api.tasks import transactions as task_rows
from services.api.tasks.desk import TaskDesk
from services.api.tasks.machine import Act
from services.api.tasks.making import Wish, made_of
from services.api.tasks.task import OPEN, Task
from services.api.tasks.transactions import Count, Query, task_id

SOURCE: Final = "cordon/campaigns"
# (register, entry id, body, who files): what the desk of registers does.
File = Callable[[str, str, bytes, Grant], Coroutine[Any, Any, object]]


class NewItem(Struct, frozen=True, kw_only=True):
    """One item as it is given: `key` for what has an id, `person` for a person."""

    key: str | None = None
    person: Mapping[str, Any] | None = None
    unit: str | None = None
    household: str | None = None
    grid: str | None = None
    order: str | None = None
    severity: Severity = "medium"
    facts: Mapping[str, Any] = {}


class Closed(Exception):
    """The campaign is closed."""


class CampaignDesk:
    """Campaigns in the database; their items go through the desk of tasks."""

    def __init__(self, tasks: TaskDesk, intake: Intake) -> None:
        """`intake` makes the pseudonyms."""
        self.tasks = tasks
        self._intake = intake
        self._database = tasks.database

    async def create(
        self,
        kind: CampaignKind,
        title: Reason,
        grant: Grant,
        *,
        about: str | None = None,
        unit: str | None = None,
        due_ms: int | None = None,
    ) -> Campaign:
        """Begin a campaign."""
        now_ms = self.tasks.clock_ms()
        campaign = Campaign(
            id=uuid.uuid4().hex,
            n=0,
            revision=1,
            kind=kind,
            state="open",
            title=title,
            author=grant.name,
            created=format_ms(now_ms),
            about=about,
            unit=unit,
            due=None if due_ms is None else format_ms(due_ms),
        )
        return await self._database.write(
            lambda c: transactions.create(c, campaign, grant.role, now_ms)
        )

    async def get(self, id_: str, grant: Grant) -> Campaign:
        """Return a campaign. Raises UnknownCampaign, also where the caller does not see it."""
        within = await self.tasks.within(grant)

        def look(connection: Connection) -> Campaign:
            found = transactions.seen(connection, [transactions.get(connection, id_)], within)
            if not found:
                raise transactions.UnknownCampaign(id_)
            return found[0]

        return await self._database.read(look)

    async def shown(self, id_: str, grant: Grant) -> Shown:
        """Return a campaign with what became of its items, as far as somebody sees them. Raises
        UnknownCampaign."""
        campaign = await self.get(id_, grant)
        within = await self.tasks.within(grant)
        units = await self.tasks.counts(Query(campaign=id_, within=within))
        items = await self._items(id_) if campaign.kind in OF_ITEMS else []
        if within is not None:
            items = [task for task in items if within.covers(task)]
        total = added_up(units)
        return Shown(
            campaign=campaign,
            total=total,
            units=units,
            summary=summary(campaign.kind, total, items),
        )

    async def page(
        self, wanted: Mapping[str, str | None], before: int | None, limit: int, grant: Grant
    ) -> list[Campaign]:
        """Return campaigns that the caller sees, the last created first."""
        within = await self.tasks.within(grant)
        return await self._database.read(
            lambda c: transactions.page(c, wanted, before, limit, within)
        )

    async def totals(self, ids: Sequence[str], grant: Grant) -> dict[str, Count]:
        """Return the counts of campaigns' items, as far as somebody sees them, by campaign."""
        within, now_ms = await self.tasks.within(grant), self.tasks.clock_ms()
        found = await self._database.read(lambda c: task_rows.counts_of(c, ids, within, now_ms))
        none = added_up(())
        return {id_: found.get(id_, none) for id_ in ids}

    async def add(self, id_: str, items: Sequence[NewItem], grant: Grant) -> list[ItemResult]:
        """Add items; one that is there already stays as it is.

        Raises UnknownCampaign, Closed, and Rejected, which names the field of the first item that
        is wrong; then none is added.
        """
        campaign = await self.get(id_, grant)
        if campaign.state == "closed":
            raise Closed("the campaign is closed")
        directory, limits = await self.tasks.directory(), await self.tasks.limits()
        now_ms = self.tasks.clock_ms()
        wishes = [
            self._wish(campaign, item, f"items[{place}]", directory, now_ms)
            for place, item in enumerate(items)
        ]
        made = []
        for wish in wishes:
            to = territory_of(directory, now_ms, household=wish.household, grid=wish.grid)
            made.append(
                made_of(wish, _task_id(id_, wish.item), to, None, limits, grant.name, now_ms)
            )
        added = {task.id for task in await self.tasks.add(made, grant.role, "campaign")}
        results = []
        for index, task in enumerate(made):
            fresh = task.id in added
            # The same key twice in one request is one item.
            added.discard(task.id)
            results.append(
                ItemResult(
                    index=index,
                    outcome="created" if fresh else "unchanged",
                    item=task.item or "",
                    task=task.id,
                    unit=task.unit,
                )
            )
        return results

    async def close(self, id_: str, revision: int, grant: Grant) -> Campaign:
        """End a campaign: what is still to be done is cancelled. Raises UnknownCampaign, Stale and
        Closed."""
        now_ms = self.tasks.clock_ms()

        def work(connection: Connection) -> Campaign:
            campaign = transactions.get(connection, id_, revision)
            if campaign.state == "closed":
                raise Closed("the campaign is closed already")
            deed = Act(name="cancel", actor=grant.name, leads=True, note="the campaign is closed")
            for task in task_rows.of_campaign(connection, id_, (*OPEN, "not-executable")):
                task_rows.act(connection, task, deed, grant.role, now_ms)
            closed = msgspec.structs.replace(
                campaign,
                revision=campaign.revision + 1,
                state="closed",
                closed=format_ms(now_ms),
                closed_by=grant.name,
            )
            return transactions.change(connection, closed, grant.name, grant.role, "close", now_ms)

        return await self._database.write(work)

    async def plan(
        self, id_: str, rooms: Sequence[Room], grant: Grant, *, keep: bool
    ) -> Placements:
        """Plan beds for everybody of a placement who has none yet; with `keep` they get them.

        Raises UnknownCampaign, Closed, BedTaken, and Rejected for rooms that cannot be.
        """
        campaign = await self.get(id_, grant)
        if campaign.kind != "placement":
            raise rejected("only a campaign of the kind placement has beds", "kind")
        if campaign.state == "closed":
            raise Closed("the campaign is closed")
        _check_rooms(rooms)
        directory, now_ms = await self.tasks.directory(), self.tasks.clock_ms()
        facilities = sorted({room.facility for room in rooms})
        capacity = {
            facility: most
            for facility in facilities
            if (most := directory.capacity(facility, now_ms)) is not None
        }

        def work(connection: Connection) -> Plan:
            items = task_rows.of_campaign(connection, id_, OPEN)
            waiting = {task.id: task for task in items if "bed" not in task.facts}
            guests = [
                Guest(task.id, task.facts["sex"], task.facts.get("household"))
                for task in waiting.values()
            ]
            taken = {
                facility: [each.bed for each in transactions.taken(connection, facility)]
                for facility in facilities
            }
            made = plan(guests, rooms, taken, capacity)
            if keep:
                transactions.give(connection, made.beds)
                for task_id_, bed in made.beds.items():
                    task = waiting[task_id_]
                    changed = msgspec.structs.replace(
                        task,
                        revision=task.revision + 1,
                        facts=task.facts | msgspec.structs.asdict(bed),
                    )
                    task_rows.change(
                        connection, changed, grant.name, grant.role, "plan", None, now_ms
                    )
            return made

        made = await (self._database.write if keep else self._database.read)(work)
        beds = {task: msgspec.structs.asdict(bed) for task, bed in made.beds.items()}
        return Placements(beds=beds, without=made.without, kept=keep)

    async def occupancy(self, facility: str, grant: Grant) -> Occupancy:
        """Return which beds of a facility are given away.

        Who is limited to areas sees all of them where the facility's zone is one, else those of
        the people whose tasks they see.
        """
        directory, within = await self.tasks.directory(), await self.tasks.within(grant)
        zone = directory.zone(facility, self.tasks.clock_ms())
        if within is not None and zone in within.areas:
            within = None
        taken = await self._database.read(lambda c: transactions.taken(c, facility, within))
        capacity = directory.capacity(facility, self.tasks.clock_ms())
        return Occupancy(facility=facility, capacity=capacity, taken=taken)

    async def free(self, facility: str, bed: str, grant: Grant) -> bool:
        """Take a bed back, because whoever had it has left; return False where nobody had."""
        now_ms = self.tasks.clock_ms()

        def work(connection: Connection) -> bool:
            task = transactions.free(connection, facility, bed)
            if task is None:
                return False
            detail = {"facility": facility, "bed": bed}
            transactions.audit(connection, grant.name, grant.role, "bed.free", task, now_ms, detail)
            return True

        return await self._database.write(work)

    async def arrive(
        self, id_: str, persons: Sequence[Mapping[str, Any]], grant: Grant
    ) -> ArrivalsTold:
        """Note who got off a coach; who was not on its manifest is added as extra.

        Raises UnknownCampaign, Closed and Rejected.
        """
        campaign = await self.get(id_, grant)
        if campaign.kind != "coach":
            raise rejected("only the manifest of a coach has arrivals", "kind")
        if campaign.state == "closed":
            raise Closed("the campaign is closed")
        came = [self.person_of(one, f"persons[{place}]") for place, one in enumerate(persons)]
        directory, limits = await self.tasks.directory(), await self.tasks.limits()
        now_ms = self.tasks.clock_ms()

        def work(connection: Connection) -> ArrivalsTold:
            items = task_rows.of_campaign(connection, id_)
            arrived, extra, repeats = arrivals(items, came)
            strangers = [
                self._wish(
                    campaign, NewItem(person={"person": person}), "persons", directory, now_ms
                )
                for person in extra
            ]
            added = task_rows.create(
                connection,
                [
                    made_of(wish, _task_id(id_, wish.item), None, None, limits, grant.name, now_ms)
                    for wish in strangers
                ],
                grant.role,
                now_ms,
            )
            for result, tasks in (("arrived", arrived), ("extra", added)):
                for task in tasks:
                    mine = task
                    if mine.state == "offered":
                        claim = Act(name="claim", actor=grant.name, leads=True)
                        mine = task_rows.act(connection, mine, claim, grant.role, now_ms)
                    done = Act(name="done", actor=grant.name, leads=True, result=result)
                    task_rows.act(connection, mine, done, grant.role, now_ms)
            return ArrivalsTold(arrived=len(arrived), repeats=repeats, extra=extra)

        return await self._database.write(work)

    def check_answers(
        self, task: Task, result: str | None, given: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return what was found about an item in the form of its campaign. Raises Rejected."""
        kind = KINDS[msgspec.convert(task.form, CampaignKind)] if task.form else None
        found = checked(kind.answers if kind else (), given, "answers", self.person_of)
        if task.form == "opening" and result == "approved" and (left := lacking(found)):
            raise rejected(f"not ready to open: {', '.join(left)}", f"answers.{left[0]}")
        return found

    def person_of(self, given: Mapping[str, Any], where: str) -> str:
        """Return the pseudonym of `{id_type, id_number}` or `{person}`. Raises Rejected."""
        parts = [given.get(name) for name in ("person", "id_type", "id_number")]
        if not all(part is None or isinstance(part, str) for part in parts):
            raise rejected("must hold texts", where)
        person, id_type, id_number = parts
        try:
            found = self._intake.pseudonym(person, id_type, id_number)
        except IdentifierProblem as error:
            blamed = "person" if id_number is None else "id_number"
            raise rejected(str(error), f"{where}.{blamed}") from error
        if found is None:
            raise rejected("needs id_type and id_number, or person", where)
        return found

    async def _items(self, id_: str) -> list[Task]:
        return await self._database.read(lambda c: task_rows.of_campaign(c, id_))

    def _wish(
        self, campaign: Campaign, item: NewItem, where: str, directory: Directory, now_ms: int
    ) -> Wish:
        kind = KINDS[campaign.kind]
        key, person = self._about(kind, item, where)
        stranger = campaign.kind == "coach" and where == "persons"
        facts = (
            {} if stranger else checked(kind.facts, item.facts, f"{where}.facts", self.person_of)
        )
        household, grid = item.household, item.grid
        if kind.about == "household":
            household = key
        elif person is not None and household is None:
            homes = directory.residences(person, now_ms)
            household = next((home.household for home in homes if home.household), None)
            grid = grid or next((home.grid for home in homes if home.grid), None)
        elif kind.about == "enterprise":
            grid = grid or directory.grid_of("enterprise", key, now_ms)
        due_ms = None if campaign.due is None else parse_ms(campaign.due)
        return Wish(
            kind=kind.task,
            text=campaign.title,
            severity=item.severity,
            unit=key if kind.about == "unit" else item.unit,
            order=item.order,
            subject=person or f"{kind.about}:{key}",
            label=label(person) if person else None,
            household=household,
            grid=grid,
            campaign=campaign.id,
            item=key,
            form=campaign.kind,
            files=kind.files,
            facts=facts,
            due_ms=due_ms if due_ms is not None and due_ms > now_ms else None,
            within_s=kind.within_s,
        )

    def _about(self, kind: Kind, item: NewItem, where: str) -> tuple[str, str | None]:
        """Return the key of an item, and the person where it is one."""
        if kind.about != "person":
            if item.key is None:
                raise rejected(f"names the {kind.about}", f"{where}.key")
            if item.person is not None:
                raise rejected(f"an item is about a {kind.about} here", f"{where}.person")
            return item.key, None
        if item.person is None:
            raise rejected("needs id_type and id_number, or person", f"{where}.person")
        person = self.person_of(item.person, f"{where}.person")
        return person, person


def filing(file: File) -> Callable[[Task], Coroutine[Any, Any, None]]:
    """Return what files an approved item; asked again it changes nothing."""

    async def filed(task: Task) -> None:
        assert task.files is not None
        body: dict[str, Any] = {
            "source": SOURCE,
            "reason": task.text.en,
            "purpose": "outbreak-control",
        }
        if task.files == "approval":
            body["premises"] = task.item
        else:
            body["holders"] = [{"person": task.item}]
            body["scope"] = [task.facts["zone"]]
            body["medium"] = task.facts["medium"]
        by = task.evaluation.by if task.evaluation else task.author
        # Only leaders evaluate (routes), so it is filed as by one of them.
        grant = Grant(by, LEADERS[0])
        await file(task.files, f"{task.files}-{task.id}", msgspec.json.encode(body), grant)

    return filed


def added_up(units: Sequence[Count]) -> Count:
    """Return the counts of all units together."""
    fields = [name for name in Count.__struct_fields__ if name != "unit"]
    sums = {name: sum(getattr(each, name) for each in units) for name in fields}
    return Count(unit=None, **sums)


def _task_id(campaign: str, item: str | None) -> str:
    return task_id("campaign", campaign, item or "")


def _check_rooms(rooms: Sequence[Room]) -> None:
    """Refuse a bed that is named twice: it would be given to two."""
    seen: set[tuple[str, str]] = set()
    for place, room in enumerate(rooms):
        for bed in room.beds:
            if (room.facility, bed) in seen:
                raise rejected(f"names the bed {bed!r} a second time", f"rooms[{place}].beds")
            seen.add((room.facility, bed))
