"""The suppression table: what keeps an event from raising an alert, or lowers it, and why.

One explicit list (domain: suppression matrix). A rule yields one of these names and nothing else;
each decision is counted, written to the findings topic, and listed by the API for seven days.
"""

from typing import Final, Literal

from msgspec import Struct

from schemas.alerts import Reason
from schemas.events import Instant

SUPPRESSED_TYPE: Final = "cordon.finding.suppressed.v1"

# `prevents`: no alert; `withdraws`: one that stands is taken back too, when that is known later;
# `lowers`: one severity less, and the alert's reason says so.
Effect = Literal["prevents", "withdraws", "lowers"]


class Suppressor(Struct, frozen=True):
    """One row of the table: a reason, what it does to which rules, and how people are told.

    No `rules` = every rule. A name may stand in several rows, each for other rules. `register` is
    where it is filed, None where it is seen in events or told of a source.
    """

    name: str
    effect: Effect
    rules: tuple[str, ...]
    en: str
    zh: str
    register: str | None = None


class Suppressed(Struct, omit_defaults=True, kw_only=True):
    """What a batch kept from being an alert, or lowered: `count` events of a rule, reason and site.

    `source` and `id` are those of the last of them.
    """

    rule: str
    by: str
    site: str | None = None
    count: int
    first_seen: Instant
    last_seen: Instant
    source: str
    id: str


class SuppressedEvent(Struct, omit_defaults=True, kw_only=True):
    """What was suppressed as a CloudEvents event; `time` is the engine's clock."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: Instant
    recordedtime: Instant
    data: Suppressed


class Example(Struct, frozen=True):
    """The latest event that was suppressed."""

    source: str
    id: str


class Suppression(Struct, frozen=True, omit_defaults=True):
    """How often one reason spoke against one rule at one site, and when; times are the events'.

    `effect` is what it does (`lowers`: there is an alert, one severity lower); None where a worker
    of another version gave a reason that this one does not know.
    """

    rule: str
    by: str
    count: int
    first_seen: Instant
    last_seen: Instant
    example: Example
    reason: Reason
    site: str | None = None
    effect: Effect | None = None


class Totals(Struct, frozen=True):
    """Sums over all that was asked for, also over what `limit` leaves out."""

    count: int
    items: int
    rules: dict[str, int]
    reasons: dict[str, int]


class Suppressions(Struct, frozen=True):
    """What was suppressed in [since, until), the most frequent first."""

    since: Instant
    until: Instant
    items: list[Suppression]
    totals: Totals


SUPPRESSORS: Final[tuple[Suppressor, ...]] = (
    Suppressor(
        "permit",
        "withdraws",
        (
            "quarantine-breach",
            "quarantined-vehicle-moving",
            "zone-crossing",
            "worker-non-compliant",
        ),
        "a permit covers the place and the time",
        "许可覆盖该地点与时间",
        "permit",
    ),
    Suppressor(
        "transfer",
        "withdraws",
        (
            "quarantine-breach",
            "quarantined-vehicle-moving",
            "zone-crossing",
        ),
        "a planned transfer covers it",
        "计划转运覆盖该行程",
        "transfer",
    ),
    Suppressor(
        "order-ended",
        "withdraws",
        (
            "quarantine-breach",
            "quarantined-vehicle-moving",
            "missed-check-in",
            "release-due",
            "breach-tip",
            "worker-non-compliant",
            "zone-crossing",
            "watch-gap",
            "duty-no-show",
        ),
        "the order had ended by then",
        "隔离令当时已结束",
        "order",
    ),
    Suppressor(
        "link-ended",
        "withdraws",
        ("quarantined-vehicle-moving",),
        "the vehicle was no longer the person's",
        "车辆当时已不属于该人员",
        "vehicle-link",
    ),
    Suppressor(
        "entry-ended",
        "withdraws",
        (
            "watch-list-hit",
            "fuzzy-plate-hit",
        ),
        "the entry of the watch list had ended by then",
        "布控条目当时已结束",
        "watch-entry",
    ),
    Suppressor(
        "green-channel",
        "withdraws",
        (
            "first-seen-vehicle",
            "check-incomplete",
            "overnight-stay",
            "green-channel-deviation",
        ),
        "a green channel explains the vehicle",
        "绿色通道车辆",
        "exemption",
    ),
    Suppressor(
        "fleet",
        "withdraws",
        (
            "first-seen-vehicle",
            "check-incomplete",
            "overnight-stay",
            "green-channel-deviation",
        ),
        "the vehicle belongs to an exempt fleet",
        "豁免车队车辆",
        "exemption",
    ),
    Suppressor(
        "whitelist",
        "withdraws",
        (
            "check-incomplete",
            "overnight-stay",
            "green-channel-deviation",
        ),
        "the vehicle or the person is on the whitelist",
        "车辆或人员在白名单中",
        "exemption",
    ),
    Suppressor(
        "resident-vehicle",
        "withdraws",
        (
            "fuzzy-plate-hit",
            "overnight-stay",
        ),
        "the vehicle is at home here",
        "本地登记车辆",
        "resident-vehicle",
    ),
    Suppressor(
        "clone-suspicion",
        "lowers",
        (
            "quarantined-vehicle-moving",
            "first-seen-vehicle",
        ),
        "the plate is suspected to be cloned",
        "疑似套牌",
    ),
    Suppressor(
        "clone-suspicion",
        "prevents",
        ("green-channel-deviation",),
        "the plate is suspected to be cloned, so the reads may be another vehicle's",
        "疑似套牌，识别记录可能属于另一车辆",
    ),
    Suppressor(
        "clock-skew",
        "prevents",
        (
            "identity-conflict",
            "cloned-plate",
            "no-plate",
            "checkpoint-bypass",
        ),
        "a device's clock was wrong",
        "设备时钟异常",
    ),
    Suppressor(
        "source-silent",
        "prevents",
        (
            "check-incomplete",
            "missed-check-in",
            "overnight-stay",
            "arrival-not-followed-up",
            "checkpoint-bypass",
            "nil-report-missing",
        ),
        "a device or a site was silent then",
        "设备或卡口当时静默",
    ),
    Suppressor(
        "offline",
        "prevents",
        ("check-incomplete",),
        "the site wrote on paper, or without a network",
        "卡口当时采用纸质或离线登记",
    ),
    Suppressor(
        "maintenance",
        "prevents",
        (
            "forced-gate",
            "source-silent",
        ),
        "it was in maintenance",
        "当时处于维护状态",
    ),
    Suppressor(
        "not-expected",
        "prevents",
        ("source-silent",),
        "nobody expects it to be heard",
        "无需定时上报",
    ),
    Suppressor(
        "warming",
        "prevents",
        ("read-quality",),
        "what is usual there is not known yet",
        "尚无足够历史可比",
    ),
    Suppressor(
        "look-alike",
        "withdraws",
        ("overnight-stay", "cloned-plate"),
        "it may be a misread of a similar plate that is known there",
        "可能误读自当地已知的相似号牌",
    ),
    Suppressor(
        "contradiction",
        "prevents",
        ("checkpoint-bypass",),
        "no vehicle can have been at both places in that time",
        "同一车辆不可能在此时间内到达两地",
    ),
    Suppressor(
        "device-bias",
        "withdraws",
        ("fever",),
        "the thermometer reads everybody too warm or too cold",
        "测温设备存在偏差",
    ),
    Suppressor(
        "guardian-code",
        "prevents",
        ("health-code-invalid",),
        "a companion showed a valid code",
        "同行人员出示了有效健康码",
    ),
    Suppressor(
        "pass-unknown",
        "prevents",
        ("pass-invalid",),
        "nobody filed such a pass here; it may be another county's",
        "本地未登记该通行证，可能由外地签发",
        "pass",
    ),
    Suppressor(
        "pass-renewed",
        "withdraws",
        ("pass-invalid",),
        "the pass was valid, as was filed later",
        "事后登记显示通行证有效",
        "pass",
    ),
    Suppressor(
        "quiet-hours",
        "prevents",
        ("missed-check-in",),
        "it was night, when nobody is called",
        "夜间不打扰",
    ),
    Suppressor(
        "swap-recorded",
        "withdraws",
        ("duty-no-show",),
        "a swap was recorded: somebody else was on duty",
        "已登记换班，由他人值守",
    ),
    Suppressor(
        "inaccurate",
        "prevents",
        ("zone-crossing",),
        "the position was not accurate enough to say anything",
        "定位精度不足，无法判断",
    ),
    Suppressor(
        "doubtful",
        "prevents",
        ("retrospective-hit",),
        "the plate was read with too little confidence",
        "号牌识别置信度不足",
    ),
    Suppressor(
        "accused-already",
        "prevents",
        ("retrospective-hit",),
        "an earlier filing of the entry accuses it already",
        "该条目此前的登记已覆盖",
        "watch-entry",
    ),
    Suppressor(
        "already-under-order",
        "prevents",
        ("risk-area-arrival",),
        "everybody who came is under order already",
        "来返人员均已处于隔离令下",
        "order",
    ),
    Suppressor(
        "stay-unreadable",
        "prevents",
        ("risk-area-arrival",),
        "the declared stay has no dates that can be read",
        "申报的停留日期无法识别",
    ),
    Suppressor(
        "area-not-listed",
        "withdraws",
        ("risk-area-arrival", "risk-round-trip"),
        "the area was not on the risk list during the stay",
        "停留期间该地区未列入重点地区",
        "risk-area",
    ),
    Suppressor(
        "notice-changed",
        "withdraws",
        ("risk-area-arrival",),
        "the notice was changed or taken back",
        "来返通知已更改或撤回",
        "arrival-notice",
    ),
    Suppressor(
        "transfer-changed",
        "withdraws",
        ("transfer-not-arrived",),
        "the transfer was changed or taken back",
        "转运计划已更改或撤回",
        "transfer",
    ),
    Suppressor(
        "arrived-in-time",
        "withdraws",
        ("transfer-not-arrived",),
        "the person had arrived in time, as was reported later",
        "事后上报显示已按时到达",
    ),
    Suppressor(
        "received",
        "withdraws",
        ("arrival-not-followed-up",),
        "the person was received in time, as was reported later",
        "事后上报显示已按时落实接收",
    ),
    Suppressor(
        "registered",
        "withdraws",
        (
            "unregistered-resident",
            "foreign-resident-unregistered",
        ),
        "the person was registered in time, as was filed later",
        "事后登记显示已按时登记",
    ),
    Suppressor(
        "approval",
        "withdraws",
        ("opened-without-approval",),
        "an approval covers that time",
        "批复覆盖该时间",
        "approval",
    ),
    Suppressor(
        "roster-filed",
        "withdraws",
        ("worker-non-compliant",),
        "the worker is on the roster, as was filed later",
        "事后登记显示员工在册",
        "worker",
    ),
    Suppressor(
        "corrected",
        "withdraws",
        (),
        "the event was corrected by its source",
        "来源已更正该事件",
    ),
    Suppressor(
        "no-ground",
        "withdraws",
        (),
        "what was reported since leaves no ground for it",
        "后续上报使其失去依据",
    ),
)

BY_RULE: Final = {(rule, row.name): row for row in SUPPRESSORS for rule in row.rules}
ANY_RULE: Final = {row.name: row for row in SUPPRESSORS if not row.rules}


def reason_of(rule: str, by: str) -> Suppressor:
    """Return the row of a reason, which may be followed by what it rests on: `permit:p-1`.

    Raises ValueError for one that the table does not have for this rule.
    """
    row = row_of(rule, by)
    if row is None:
        raise ValueError(f"schemas/suppressions.py has no {by!r} for the rule {rule}")
    return row


def row_of(rule: str, by: str) -> Suppressor | None:
    """Return the row of a reason as `reason_of` does, None where there is none: what an earlier
    version wrote may have other names."""
    name = by.partition(":")[0]
    return BY_RULE.get((rule, name)) or ANY_RULE.get(name)


def against(rule: str) -> tuple[Suppressor, ...]:
    """Return the rows that may speak against a rule, in the order of the table."""
    return tuple(row for row in SUPPRESSORS if not row.rules or rule in row.rules)
