"""The words of the report, English and Chinese side by side, and its tables: one for each form."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from schemas.times import parse_ms
from services.api.handover.report import Handover, Span

_NAMES: Final = {
    "critical": "critical 特急",
    "high": "high 高",
    "medium": "medium 中",
    "low": "low 低",
    "info": "info 提示",
    "open": "open 未处理",
    "acked": "acknowledged 已确认",
    "dispatched": "dispatched 已派出",
    "confirmed": "confirmed 属实",
    "false": "false 不属实",
    "authorised": "authorised 已许可",
    "duplicate": "duplicate 重复",
    "expired": "expired 过期",
    "transit": "transit 过境",
    "cleared": "cleared 已解除",
    "retracted": "retracted 撤回",
    "none": "none 无",
    "sources-heard": "Sources heard 在线设备",
    "orders-followed": "Orders followed 落实随访",
}


class Table(Struct, frozen=True):
    """A heading, the heads of the columns, and rows of cells."""

    title: str
    head: list[str]
    rows: list[list[str]]


def title_of(report: Handover, zone: ZoneInfo) -> str:
    """Return the title of a report, with its span in local time."""
    span = f"{_local(report.since, zone)} – {_local(report.until, zone)}"
    return f"Shift handover 交接班报告 {span}"


def tables_of(report: Handover, zone: ZoneInfo) -> list[Table]:
    """Return the report as tables, in the order in which people read it."""
    raised, load = report.raised, report.load
    rate = "–" if load.per_operator_hour is None else f"{load.per_operator_hour:g}"
    return [
        Table(
            "Overview 概况",
            ["", "number 数量"],
            [
                ["Open before 接班时未结", str(report.open_before)],
                ["Raised 新增", str(raised.total)],
                ["– historical 其中历史补报", str(raised.historical)],
                ["– behind a summary 其中合并", str(raised.capped)],
                ["Reopened 重新打开", str(report.reopened)],
                ["Ended 办结", str(report.ended.total)],
                ["Open now 交班时未结", str(report.open.total)],
                ["Overdue levels reached 超时升级", str(report.waiting.overdue_total)],
                ["Suppressed 已抑制", str(report.suppressed.total)],
                ["Operators 值班人数", str(load.operators)],
                ["Alerts per operator-hour 人均每小时告警", rate],
            ],
        ),
        Table(
            "Open items 未结事项",
            [
                "severity 级别",
                "state 状态",
                "subject 对象",
                "reason 事由",
                "since 起",
                "who 责任人",
            ],
            [
                [
                    _named(one.severity) + (f" ↑{one.escalation}" if one.escalation else ""),
                    _named(one.state),
                    one.label + (f" @ {one.site}" if one.site else ""),
                    f"{one.reason.en} {one.reason.zh}",
                    _local(one.first_seen, zone),
                    one.assignee or "–",
                ]
                for one in report.open.items
            ],
        ),
        _counts("Raised by severity 按级别新增", raised.by_severity),
        _counts("Raised by rule 按规则新增", raised.by_rule),
        _counts("Ended by outcome 按结果办结", report.ended.by_outcome),
        Table(
            "Time to acknowledge and to dispatch 响应时间",
            ["", "alerts 数量", "median 中位", "95 %"],
            [
                [f"{name} {_named(severity)}", str(span.count), *_times(span)]
                for name, spans in (
                    ("acknowledge 确认", report.waiting.ack),
                    ("dispatch 派出", report.waiting.dispatch),
                )
                for severity, span in spans.items()
            ],
        ),
        _counts("Overdue by level 按级超时", report.waiting.overdue),
        Table(
            "Who acted 处置人员",
            ["who 人员", "acts 次数", ""],
            [
                [one.actor, str(one.total), ", ".join(f"{k} {v}" for k, v in one.acts.items())]
                for one in report.people
            ],
        ),
        Table(
            "Coverage 覆盖率",
            ["", "of 应有", "good 落实", "%"],
            [
                [
                    _named(one.name),
                    str(one.of),
                    str(one.good),
                    f"{100 * one.good / one.of:.1f}" if one.of else "–",
                ]
                for one in report.coverage
            ],
        ),
        _counts("Suppressed by reason 按原因抑制", report.suppressed.by_reason),
    ]


def _counts(title: str, counts: Mapping[str, int]) -> Table:
    return Table(title, ["", "number 数量"], [[_named(k), str(v)] for k, v in counts.items()])


def _named(name: str) -> str:
    return _NAMES.get(name, name)


def _times(span: Span) -> list[str]:
    return [
        "–" if value is None else f"{int(value) // 60}:{int(value) % 60:02d}"
        for value in (span.median_s, span.p95_s)
    ]


def _local(instant: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(parse_ms(instant) / 1000, zone):%Y-%m-%d %H:%M}"
