"""Alerts: ids that never change, and the closed lists of the contracts."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import alerts
from schemas.alerts import FINDING_TYPES, AlertVerb, Finding, Reason, Subject, alert_id, alert_type


@pytest.mark.parametrize(
    ("rule", "major", "key", "earliest_ms", "expected"),
    [
        # Pinned: an id that moves would double every alert that people already work on.
        ("quarantine-breach", 1, "order-31", 1772324100120, "94bec59a82ef4e86e1aca2c6bcdaea6c"),
        ("first-seen-vehicle", 2, "浙F12345", 0, "b9fefeea416910a6dfdd7f268f7aa2d9"),
    ],
)
def test_ids_are_stable(rule: str, major: int, key: str, earliest_ms: int, expected: str) -> None:
    assert alert_id(rule, major, key, earliest_ms) == expected


parts = st.tuples(
    st.text(max_size=20).filter(lambda text: "\0" not in text),
    st.integers(0, 99),
    st.text(max_size=20).filter(lambda text: "\0" not in text),
    st.integers(0, 1 << 45),
)


@given(parts, parts)
def test_only_the_same_history_has_the_same_id(
    one: tuple[str, int, str, int], other: tuple[str, int, str, int]
) -> None:
    assert (alert_id(*one) == alert_id(*other)) == (one == other)


def test_the_closed_lists() -> None:
    assert alerts.SEVERITIES == ("info", "low", "medium", "high", "critical")
    assert set(alerts.SEVERITIES) == set(get_args(alerts.Severity))
    assert set(get_args(alerts.EvidenceClass)) == {"person", "digital", "vehicle", "tip", "system"}
    assert set(get_args(alerts.State)) == {"open", "acked", "dispatched", "resolved", "retracted"}
    assert set(get_args(alerts.Outcome)) == {
        "confirmed",
        "false",
        "authorised",
        "duplicate",
        "expired",
        "transit",
        "cleared",
    }


def test_types() -> None:
    assert {alert_type(verb) for verb in get_args(AlertVerb)} == {
        f"cordon.alert.{verb}.v1"
        for verb in (
            "raised updated acked assigned dispatched noted escalated reopened resolved retracted"
        ).split()
    }
    assert FINDING_TYPES == {
        verb: f"cordon.finding.{verb}.v1" for verb in ("opened", "matched", "cleared", "withdrawn")
    }


def test_false_is_written_so_that_readers_can_filter_on_it() -> None:
    finding = Finding(
        alert_id="a",
        verb="opened",
        rule="r",
        rule_version="1.0",
        policy_version="default@1",
        severity="low",
        evidence_class="tip",
        subject=Subject("site", "site:gate", "gate"),
        first_seen="2026-03-01T00:00:00.000Z",
        last_seen="2026-03-01T00:00:00.000Z",
        count=1,
        historical=False,
        evidence=[],
        reason=Reason("why", "何故"),
    )
    written = msgspec.json.decode(msgspec.json.encode(finding))
    assert written["historical"] is False
    assert written["evidence"] == []
    assert "outcome" not in written
    assert msgspec.json.decode(msgspec.json.encode(finding), type=Finding) == finding
