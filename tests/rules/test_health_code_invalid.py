"""D04: no code, or one that is over; a guardian's code counts for those in the same scan."""

from typing import Any

from tests.alerts.build import Line, check, scan, text
from tests.alerts.running import Deployment, after, steps

GREEN = {
    "issuer": "330000",
    "colour": "green",
    "issued_at": text("02-09 10:00"),
    "expires_at": text("02-10 09:45"),
}


def invalid(run: Deployment) -> list[Any]:
    """The alerts of this rule."""
    return [each for each in run.final if each.rule == "health-code-invalid"]


NONE = {**GREEN, "colour": "none"}


def asked(who: str | None, where: str, when: str, **more: Any) -> Line:
    """Somebody is asked for a code and has none."""
    line = check(who, where, when, **more)
    line["data"]["person"]["code"] = NONE
    return line


def with_code(when: str, **code: Any) -> Line:
    """Somebody shows the code of `GREEN`, but for what is said."""
    line = check("wang", "exit", when)
    line["data"]["person"]["code"] = {**GREEN, **code}
    return line


def travellers(*codes: dict[str, Any] | None) -> Line:
    """A car with its people, each with a code or none."""
    line = scan(
        "exit", "02-10 09:00", plate="浙F12345", people=("wang", "li", "zhao")[: len(codes)]
    )
    for person, code in zip(line["data"]["persons"], codes, strict=True):
        if code:
            person["code"] = code
    return line


def test_no_code_and_no_pass_is_low() -> None:
    (alert,) = invalid(after(asked("wang", "exit", "02-10 10:00")))
    assert (alert.severity, alert.evidence_class, alert.subject.kind) == (
        "low",
        "digital",
        "person",
    )
    assert "neither a health code nor a pass" in alert.reason.en
    assert "未出示" in alert.reason.zh


def test_a_paper_pass_stands_for_a_code() -> None:
    assert invalid(after(asked("wang", "exit", "02-10 10:00", pass_="p7"))) == []


def test_a_code_is_over_ten_minutes_after_its_end() -> None:
    assert invalid(after(with_code("02-10 09:44"))) == []
    assert invalid(after(with_code("02-10 09:54"))) == []
    (alert,) = invalid(after(with_code("02-10 09:55")))
    assert "ended at 2020-02-10 09:45;" in alert.reason.en
    assert "失效" in alert.reason.zh


def test_a_check_that_does_not_speak_of_codes_raises_nothing() -> None:
    assert invalid(after(check("wang", "exit", "02-10 10:00"))) == []
    assert invalid(after(travellers(None, None, None))) == []


def test_a_guardian_in_the_same_scan_has_a_code_for_the_child() -> None:
    run = after(travellers(GREEN, NONE))
    assert invalid(run) == []
    assert run.counts["suppressed:health-code-invalid:guardian-code"] == 1


def test_a_scan_without_any_code_is_an_alert_for_each_person() -> None:
    assert len(invalid(after(travellers(NONE, NONE, NONE)))) == 3


def test_a_guardian_does_not_help_a_code_that_is_over() -> None:
    ended = {**GREEN, "expires_at": text("02-09 20:00")}
    (alert,) = invalid(after(travellers(GREEN, ended)))
    assert "ended at" in alert.reason.en


def test_somebody_unknown_is_told_by_the_site() -> None:
    first, second = invalid(
        after(asked(None, "exit", "02-10 10:00"), asked(None, "exit", "02-10 10:05"))
    )
    assert first.subject.key == second.subject.key == "site:exit"
    assert first.id != second.id


def test_one_alert_of_a_person_within_twelve_hours() -> None:
    (alert,) = invalid(
        after(asked("wang", "exit", "02-10 10:00"), asked("wang", "inner", "02-10 21:00"))
    )
    assert (alert.count, alert.site) == (2, "inner")


def test_the_people_of_a_scan_meet_across_partitions() -> None:
    lines = steps([travellers(GREEN, NONE, NONE)])
    for partitions in (1, 4, 12):
        assert invalid(Deployment(partitions=partitions).run(lines)) == []
