"""D22: somebody went out, stayed in an area at risk, and is back."""

from schemas.alerts import Alert
from tests.alerts.build import Line, deletion, person, risk_area, scan
from tests.alerts.running import Deployment, after, steps

LISTED = risk_area("wenzhou", "330300")
OUT = scan("bound", "02-10 08:00", people=["wang"], direction="out")


def back(
    when: str = "02-10 17:00",
    *,
    area: str = "330327",
    stay: tuple[str, str] = ("2020-02-10T10:00:00+08:00", "2020-02-10T14:00:00+08:00"),
    **more: object,
) -> Line:
    """Wang comes in and says where he was."""
    stays = [{"area": area, "from": stay[0], "to": stay[1]}]
    return scan("bound-2", when, people=["wang"], stays=stays, **more)  # type: ignore[arg-type]


def trips(deployment: Deployment) -> list[Alert]:
    """The alerts of the rule."""
    return [alert for alert in deployment.final if alert.rule == "risk-round-trip"]


def test_back_from_an_area_at_risk_after_nine_hours() -> None:
    (alert,) = trips(after(LISTED, OUT, back()))
    assert (alert.severity, alert.evidence_class, alert.site) == ("high", "person", "bound-2")
    assert (alert.subject.kind, alert.subject.key) == ("person", person("wang"))
    assert "after 9 h" in alert.reason.en
    assert "area 330327" in alert.reason.en
    assert "高风险" in alert.reason.zh


def test_the_proof_bounds_the_severity() -> None:
    assert trips(after(LISTED, OUT, back(by="code")))[0].severity == "high"
    assert trips(after(LISTED, OUT, back(by="none")))[0].severity == "medium"
    (late,) = trips(after(LISTED, OUT, back(recorded="02-10 19:00")))
    assert (late.severity, late.historical) == ("medium", True)


def test_what_is_no_return_from_a_risk() -> None:
    yesterday = ("2020-02-09T10:00:00+08:00", "2020-02-09T14:00:00+08:00")
    for lines in (
        [OUT, back()],
        [LISTED, back()],
        [LISTED, OUT, back("02-10 13:59")],
        [LISTED, OUT, back("02-24 08:01")],
        [LISTED, OUT, back(area="330400")],
        [LISTED, OUT, back(area="nowhere")],
        [LISTED, OUT, back(stay=yesterday)],
        [LISTED, OUT, back(direction="out")],
        [LISTED, OUT, scan("bound-2", "02-10 17:00", people=["wang"])],
        [risk_area("wenzhou", "330300", filed="02-11 00:00", since="01-20 00:00"), OUT, back()],
    ):
        assert trips(after(*lines)) == []


def test_a_stay_counts_as_far_as_it_lies_within_the_absence() -> None:
    lifted = [LISTED, deletion("risk-area", "wenzhou", "02-10 07:00")]
    long = ("2020-02-01", "2020-02-10")
    assert trips(after(*lifted, OUT, back(stay=long))) == []
    assert len(trips(after(LISTED, OUT, back(stay=long)))) == 1


def test_a_list_that_is_corrected_takes_the_alert_back() -> None:
    never = risk_area(
        "wenzhou", "330300", filed="02-11 00:00", since="01-20 00:00", until="01-21 00:00"
    )
    (alert,) = trips(after(LISTED, OUT, back(), never))
    assert alert.state == "retracted"


def test_lateness_partitions_and_crashes_change_nothing() -> None:
    wanted = [alert.id for alert in trips(after(LISTED, OUT, back()))]
    late = {**OUT, "recordedtime": "2020-02-11T04:00:00Z"}
    for lines in ([LISTED, OUT, back()], [LISTED, back(), late]):
        for partitions in (1, 4):
            run = Deployment(partitions=partitions).run(steps(lines), crashes={1, 2})
            assert [alert.id for alert in trips(run)] == wanted
