"""A timeline as the rules judge it: each alert as it ended, and when it was raised."""

from collections import Counter
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from deploy.backtest import FOREVER_MS, Backtest
from schemas.alerts import Alert, AlertEvent
from schemas.events import CLOCK_TYPE
from schemas.persons import PseudonymKey
from schemas.times import HOUR_MS, format_ms, parse_ms

# As msgspec writes them.
_READ = b'"cordon.plate-hit.v1"'
_PREVIEW = b'"is_preview":true'
# The clock of a live system ticks so often; larger batches would make alerts late.
_TICK_MS = 1_000
# So long after the last event everything that waits for the clock is due.
_AFTER_MS = 3 * HOUR_MS


class _Head(Struct):
    time: str
    recordedtime: str | None = None


_decode_head = msgspec.json.Decoder(_Head).decode


class Judged(Struct, frozen=True):
    """An alert as it ended; `raised_ms` is the engine's clock when it was first raised."""

    alert: Alert
    raised_ms: int

    @property
    def delay_ms(self) -> int:
        """How long after its first match it was raised."""
        return self.raised_ms - parse_ms(self.alert.first_seen)


class Judgement(Struct, frozen=True):
    """All alerts of a timeline, but for those that were merged into others, the number of its
    lines, and of the readings of plates in it, without previews."""

    alerts: list[Judged]
    lines: int
    reads: int = 0

    def until(self, end_ms: int) -> list[Judged]:
        """Return the alerts of what was before an instant; after the end of a timeline deadlines
        come that its truth does not tell of."""
        return [each for each in self.alerts if parse_ms(each.alert.first_seen) < end_ms]

    def shapes(self) -> Counter[tuple[object, ...]]:
        """Return what is left of the alerts without anybody's plate or number."""
        return Counter(
            (
                each.alert.rule, each.alert.order, each.alert.site, each.alert.severity,
                each.alert.state, each.alert.outcome, each.alert.count, each.alert.historical,
                each.alert.first_seen, each.alert.last_seen, each.raised_ms,
            )
            for each in self.alerts
        )  # fmt: skip


def judge(timeline: Iterable[bytes]) -> Judgement:
    """Run a timeline, warm; raises deploy.backtest.Malformed for a line that means nothing."""
    backtest = Backtest(PseudonymKey.fixed_for_tests(), history_since_ms=FOREVER_MS)
    newest: dict[str, Judged] = {}

    def note(batch: Iterable[AlertEvent]) -> None:
        for event in batch:
            before = newest.get(event.data.id)
            raised_ms = before.raised_ms if before else parse_ms(event.time)
            newest[event.data.id] = Judged(event.data, raised_ms)

    count, reads, due_ms = 0, 0, 0
    for line in timeline:
        count += 1
        reads += _READ in line and _PREVIEW not in line
        head = _decode_head(line)
        recorded_ms = parse_ms(head.recordedtime or head.time)
        if recorded_ms >= due_ms:
            note(backtest.flush())
            due_ms = recorded_ms + _TICK_MS
        note(backtest.feed(line))
    note(backtest.flush())
    end = {"type": CLOCK_TYPE, "time": format_ms(parse_ms(backtest.book.clock) + _AFTER_MS)}
    note(backtest.feed(msgspec.json.encode(end)))
    note(backtest.flush())
    ended = [each for each in newest.values() if each.alert.outcome != "duplicate"]
    return Judgement(ended, count, reads)
