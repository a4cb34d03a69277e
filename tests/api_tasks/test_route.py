"""Where an alert goes: pure, with literal registers."""

from typing import Any

import msgspec
import pytest

from schemas.alerts import Alert, Subject
from schemas.versions import FOREVER
from services.api.merge import AlertBook
from services.api.routing.directory import Directory
from services.api.routing.route import Destination, route, territory_of
from tests.api.examples import AT, finding
from tests.api_tasks.filed import FROM_MS, body_of, directory

HOUR_MS = 3_600_000
COUNTY = directory()


def alert(**changes: Any) -> Alert:
    (event,) = AlertBook().apply(finding())
    return msgspec.structs.replace(event.data, **changes)


def subject(kind: str, key: str) -> Subject:
    return Subject(kind, key, "…")


def told(destination: Destination | None) -> tuple[str | None, list[str], str] | None:
    if destination is None:
        return None
    return destination.unit, list(destination.officers), destination.why


@pytest.mark.parametrize(
    ("changes", "territory", "gate"),
    [
        # The household's three officers, and the gate's own duty.
        (
            {"site": "north-gate"},
            ("grid-1-team", ["li", "nurse-he", "cadre-xu"], "household:home-7"),
            ("patrol", ["sun"], "site:north-gate"),
        ),
        # A gate that nobody answers for by itself is its grid's.
        (
            {},
            ("grid-1-team", ["li", "nurse-he", "cadre-xu"], "household:home-7"),
            ("grid-1-team", ["wang", "li"], "grid:grid-1"),
        ),
        # A person without an order: where they live, whose grid is a village's.
        (
            {"order": None, "site": None, "subject": subject("person", "person:1:cd")},
            ("yaozhuang", ["chen"], "village:village-3"),
            None,
        ),
        # A vehicle at home here, and one that somebody here drives.
        (
            {"order": None, "site": None, "subject": subject("vehicle", "vehicle:浙F00001")},
            ("grid-1-team", ["wang", "li"], "grid:grid-1"),
            None,
        ),
        (
            {"order": None, "site": None, "subject": subject("vehicle", "vehicle:浙F12345")},
            ("yaozhuang", ["chen"], "village:village-3"),
            None,
        ),
        # A worker without a known home: the enterprise's one officer.
        (
            {"order": None, "site": None, "subject": subject("person", "person:1:ef")},
            ("yaozhuang", ["officer-mill"], "enterprise:mill"),
            None,
        ),
        # A household of which only the name is known.
        (
            {"order": None, "site": None, "subject": subject("household", "household:home-7")},
            ("grid-1-team", ["li", "nurse-he", "cadre-xu"], "household:home-7"),
            None,
        ),
        # A forced gate: nobody's territory, the patrol on duty.
        (
            {"order": None, "site": "north-gate", "subject": subject("site", "site:north-gate")},
            None,
            ("patrol", ["sun"], "site:north-gate"),
        ),
        # Known to live somewhere for which nobody answers.
        (
            {
                "order": None,
                "site": None,
                "grid": "grid-8",
                "subject": subject("household", "household:home-9"),
            },
            (None, [], "nobody answers for it"),
            None,
        ),
        # Nothing is known but the area that the rule names.
        (
            {"order": None, "site": None, "grid": "grid-1", "subject": subject("source", "s")},
            ("grid-1-team", ["wang", "li"], "grid:grid-1"),
            None,
        ),
        # A stranger at a place that is not filed.
        (
            {"order": None, "site": "x", "subject": subject("person", "person:1:99")},
            None,
            (None, [], "nobody answers for it"),
        ),
        ({"order": "o9", "site": None, "subject": subject("order", "order:o9")}, None, None),
    ],
)
def test_where_it_goes(changes: dict[str, Any], territory: Any, gate: Any) -> None:
    found = route(alert(**changes), COUNTY, AT)
    assert (told(found.territory), told(found.gate)) == (territory, gate)
    assert len(found.destinations) == (territory is not None) + (gate is not None)


def test_who_is_on_duty_changes_with_the_shift() -> None:
    forced = alert(order=None, site="north-gate", subject=subject("site", "site:north-gate"))
    later = route(forced, COUNTY, AT + HOUR_MS).gate
    assert told(later) == ("patrol", ["qian"], "site:north-gate")
    nobody = route(forced, COUNTY, AT + 48 * HOUR_MS).gate
    assert told(nobody) == ("patrol", [], "site:north-gate")


def test_an_order_that_has_ended_still_says_who_lives_where() -> None:
    known = directory()
    known.file("residence", "h1", None, AT - 2, AT - 2, FOREVER)
    known.file("order", "o1", None, AT - 1, AT - 1, FOREVER)
    found = route(alert(site=None), known, AT)
    assert told(found.territory) == (
        "grid-1-team",
        ["li", "nurse-he", "cadre-xu"],
        "household:home-7",
    )


def test_the_last_filed_version_counts_and_only_while_it_holds() -> None:
    known = directory()
    moved = body_of("r-home", {"kind": "household", "of": "home-8", "unit": "county"})
    known.file("responsibility", "r-home", moved, AT, AT, AT + HOUR_MS)
    assert told(territory_of(known, AT - 1, household="home-7")) is not None
    assert told(territory_of(known, AT, household="home-7", grid="grid-1")) == (
        "grid-1-team",
        ["wang", "li"],
        "grid:grid-1",
    )
    assert told(territory_of(known, AT, household="home-8")) == (
        "county",
        ["zhou"],
        "household:home-8",
    )
    assert told(territory_of(known, AT + HOUR_MS, household="home-8")) == (
        None,
        [],
        "nobody answers for it",
    )


def test_leaders_of_levels() -> None:
    assert [COUNTY.leader("grid-1-team", level, AT) for level in (1, 2, 3)] == [
        "wang",
        "chen",
        "zhou",
    ]
    # Nobody is above the county: its leader is told again.
    assert COUNTY.leader("county", 3, AT) == "zhou"
    assert COUNTY.leader(None, 1, AT) is None
    assert COUNTY.leader("x", 1, AT) is None


def test_units_of_a_member() -> None:
    assert COUNTY.units_of("li", AT) == ["grid-1-team"]
    assert COUNTY.units_of("qian", AT) == ["patrol"]
    assert COUNTY.units_of("nobody", AT) == []


def test_a_register_that_is_read_anew() -> None:
    known = directory()
    known.forget("responsibility")
    assert territory_of(known, AT, grid="grid-1") == Destination(
        side="territory", unit=None, why="nobody answers for it", grid="grid-1"
    )


@pytest.mark.parametrize("body", ["{}", '{"id":"x","kind":1,"of":"a","unit":"b"}'])
def test_an_entry_that_cannot_be_read(body: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        Directory().file("responsibility", "x", body, FROM_MS, FROM_MS, FOREVER)
