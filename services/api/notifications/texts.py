"""What a message says: the alert's own reason and masked label, in the contact's language."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from schemas.alerts import SEVERITIES, Alert, Severity
from schemas.times import parse_ms
from services.api.notifications.lines import Language

# A message of a gateway has its bounds; the desk shows the rest.
_SHOWN: Final = 10
_SEVERITY_ZH: Final[dict[Severity, str]] = {
    "critical": "特急",
    "high": "高",
    "medium": "中",
    "low": "低",
    "info": "提示",
}


def message_of(
    alerts: Sequence[Alert], language: Language, link: str | None, zone: ZoneInfo
) -> tuple[str, str]:
    """Return the title and the text of a message about alerts, the most severe first."""
    ordered = sorted(
        alerts, key=lambda one: (-SEVERITIES.index(one.severity), one.first_seen, one.id)
    )
    top = ordered[0]
    chinese = language == "zh"
    severity = _SEVERITY_ZH[top.severity] if chinese else top.severity.upper()
    if len(ordered) == 1:
        title = f"[{severity}] {_reason(top, language)}"
    elif chinese:
        title = f"[{severity}] {len(ordered)} 条告警"
    else:
        title = f"[{severity}] {len(ordered)} alerts"
    lines = [_line(one, language, zone) for one in ordered[:_SHOWN]]
    more = len(ordered) - _SHOWN
    if more > 0:
        lines.append(f"另有 {more} 条" if chinese else f"and {more} more")
    if link is not None:
        lines.append(f"确认收到:{link}" if chinese else f"Acknowledge: {link}")
    return title, "\n".join(lines)


def trial_of(language: Language) -> tuple[str, str]:
    """Return the title and the text of a trial."""
    if language == "zh":
        return "Cordon 测试消息", "这是一条测试消息,无需处理。"
    return "Cordon test message", "This is a trial. There is nothing to do."


def _line(alert: Alert, language: Language, zone: ZoneInfo) -> str:
    at = datetime.fromtimestamp(parse_ms(alert.last_seen) / 1000, zone)
    severity = _SEVERITY_ZH[alert.severity] if language == "zh" else alert.severity
    parts = [f"{at:%m-%d %H:%M}", severity, alert.subject.label]
    if alert.site is not None:
        parts.append(alert.site)
    return f"{' · '.join(parts)}\n{_reason(alert, language)}"


def _reason(alert: Alert, language: Language) -> str:
    return alert.reason.zh if language == "zh" else alert.reason.en
