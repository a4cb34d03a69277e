"""D06: a pass that is no good there and then, and what excuses it."""

import pytest

from tests.alerts.build import Line, check, deletion, identifier, put
from tests.alerts.running import Deployment, after, steps


def paper(
    filed: str = "02-01 08:00",
    since: str = "02-01 08:00",
    until: str | None = "02-11 08:00",
    scope: tuple[str, ...] = ("county",),
    **more: object,
) -> Line:
    """A paper pass is issued."""
    return put(
        "pass", "p7", filed, since,
        valid_to=f"2020-{until[:5]}T{until[6:]}:00+08:00" if until else None,
        scope=list(scope), medium="paper", **more,
    )  # fmt: skip


def shown(where: str = "exit", when: str = "02-10 10:00", **more: object) -> Line:
    """Somebody shows it."""
    return check("wang", where, when, pass_="p7", **more)  # type: ignore[arg-type]


def reasons(*lines: Line) -> list[str]:
    """What was said of the pass, for each alert that stands."""
    return [
        alert.reason.en
        for alert in after(*lines).final
        if alert.rule == "pass-invalid" and alert.state == "open"
    ]


def test_a_valid_pass_raises_nothing() -> None:
    assert reasons(paper(), shown()) == []
    assert reasons(paper(holders=[identifier("wang")]), shown()) == []


@pytest.mark.parametrize(
    ("issued", "seen", "said"),
    [
        (paper(), shown(when="02-11 08:11"), "not valid then"),
        (paper(revoked=True), shown(), "revoked"),
        (paper(scope=("home-1",)), shown(), "does not cover"),
        (paper(holders=[identifier("li")]), shown(), "issued to others"),
    ],
)
def test_a_pass_that_is_no_good_is_medium(issued: Line, seen: Line, said: str) -> None:
    (alert,) = [each for each in after(issued, seen).final if each.rule == "pass-invalid"]
    assert said in alert.reason.en
    assert (alert.severity, alert.evidence_class) == ("medium", "digital")
    assert (alert.subject.kind, alert.subject.key) == ("pass", "pass:p7")
    assert alert.site == "exit"


@pytest.mark.parametrize("when", ["02-11 08:09", "02-01 07:51"])
def test_clocks_differ_by_ten_minutes(when: str) -> None:
    assert reasons(paper(), shown(when=when)) == []


def test_a_deleted_pass_is_over() -> None:
    assert reasons(paper(), deletion("pass", "p7", "02-05 08:00"), shown()) != []


def test_a_pass_that_nobody_filed_is_counted_and_raises_nothing() -> None:
    quiet = after(shown())
    assert [each.rule for each in quiet.final if each.rule == "pass-invalid"] == []
    assert quiet.counts["suppressed:pass-invalid:pass-unknown"] == 1


def test_a_renewal_that_is_filed_later_takes_it_back() -> None:
    late = paper(filed="02-12 08:00", until="02-20 08:00")
    run = Deployment().run(steps([paper(), shown(when="02-11 10:00"), late]))
    (alert,) = [each for each in run.final if each.rule == "pass-invalid"]
    assert alert.state == "retracted"


def test_one_alert_for_a_reason_within_twelve_hours() -> None:
    lines = (
        paper(revoked=True),
        shown(),
        shown("inner", "02-10 21:00"),
        shown("inner", "02-11 09:30"),
    )
    found = [each.count for each in after(*lines).final if each.rule == "pass-invalid"]
    assert sorted(found) == [1, 2]


def test_a_site_that_is_not_filed_says_nothing_of_the_scope() -> None:
    assert reasons(paper(scope=("home-1",)), shown("nowhere")) == []
