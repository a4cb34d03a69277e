"""What has to be reported and what is seen: nil reports, premises, and a platform that is out."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from schemas.times import HOUR_MS
from tests.alerts.build import (
    Line,
    approval,
    deletion,
    device,
    gate,
    heartbeat,
    looked,
    put,
    report,
)
from tests.alerts.histories.family import DAWN, Family, accepted, filed_at, moments

DAYS = ("2020-02-09", "2020-02-10", "2020-02-10", "2020-02-11")


def _reporter(filed: int, **more: Any) -> Line:
    since = "02-09 00:00"
    return put("reporter", "li", filed, since, **{"due_local": "17:00", "grid": "g7", **more})


def _before(draw: st.DrawFn) -> Sequence[Line]:
    watched = [device("office", "inner", heartbeat_s=3600)] if draw(st.booleans()) else []
    return (_reporter(DAWN - 40 * HOUR_MS), *watched)


def _event(draw: st.DrawFn, number: int) -> Line | Sequence[Line]:
    when = draw(moments)
    more: dict[str, Any] = {"recorded": accepted(draw, when)}
    kind = draw(st.integers(0, 9))
    if kind < 3:
        day = draw(st.sampled_from(DAYS))
        return report("nil-report", "office", when, reporter="li", day=day, **more)
    if kind < 5:
        status = draw(st.sampled_from(("ok", "ok", "maintenance")))
        return heartbeat("office", when, status=status)
    if kind == 5:
        mode = draw(st.sampled_from((None, None, "maintenance")))
        return gate(draw(st.sampled_from(("inner", "bound"))), when, "forced", mode, **more)
    return looked("shop", when, draw(st.integers(0, 4)) > 0, **more)


FAMILY = Family(
    "reports",
    frozenset(("nil-report-missing", "opened-without-approval", "source-silent", "forced-gate")),
    _before,
    _event,
    (
        lambda draw: _reporter(draw(filed_at), due_local="12:00"),
        lambda draw: _reporter(draw(filed_at), valid_to="2020-02-10T18:00:00+08:00"),
        lambda draw: deletion("reporter", "li", draw(moments)),
        lambda draw: approval(
            "a1", "shop", (start := draw(moments)), start + 3 * HOUR_MS, filed=draw(filed_at)
        ),
        lambda draw: deletion("approval", "a1", draw(moments)),
    ),
)
