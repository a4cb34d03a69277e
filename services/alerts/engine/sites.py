"""Sites as events name them: a short way for those that stand, the registers for all others."""

from collections.abc import Callable

from msgspec import Struct

from rules.facts import SiteFacts
from rules.first_seen_vehicle import RULE as FIRST_SEEN
from rules.registers import Registers
from schemas.times import format_ms
from schemas.versions import FOREVER
from services.alerts.engine.book import Book, Waiting
from services.alerts.engine.dossiers import ROLES

_END_OF_TIME = "9999-12-31T23:59:59.999Z"


class SteadySite(Struct):
    """A site whose facts hold from `since` to `until`, for events accepted from `filed` on."""

    since: str
    until: str
    filed: str
    days: dict[str, int]
    changed: set[str]
    facts: SiteFacts
    min_confidence: float
    look_back_d: int
    tracked: bool


class Sites:
    """The sites that events named since the registers changed; None = one that is not steady."""

    def __init__(self, registers: Registers, book: Book, tracks_at: Callable[[str], bool]) -> None:
        """`tracks_at` tells whether readings at a site belong into tracks."""
        self._registers = registers
        self._book = book
        self._tracks_at = tracks_at
        self.steady: dict[str, SteadySite | None] = {}

    def find(self, event: Waiting, time_ms: int, recorded_ms: int) -> SiteFacts | None:
        """Return the site of an event, None where it is not filed."""
        site_id = event.data.site
        if site_id not in self.steady:
            self.steady[site_id] = self._steady(site_id)
        site = self.steady[site_id]
        if (
            site is not None
            and site.since <= event.time < site.until
            and site.filed <= event.recordedtime
        ):
            return site.facts
        return self._registers.site(site_id, time_ms, recorded_ms)

    def _steady(self, site_id: str) -> SteadySite | None:
        """Return a site of which one version is filed, under zones and a policy that stand, and at
        which no rule wants every reading."""
        versions = list(self._registers.versions("site").get(site_id, []))
        if len(versions) != 1 or versions[0].facts is None:
            return None
        for zone_id in versions[0].facts.zones:
            zone = self._registers.versions("zone").get(zone_id, [])
            if len(zone) > 1:
                return None
            versions += zone
        for policy in self._registers.versions("policy").values():
            versions += policy
        since_ms = max(version.from_ms for version in versions)
        until_ms = min(
            (version.to_ms for version in versions if version.to_ms > since_ms), default=FOREVER
        )
        filed_ms = max(version.recorded_ms for version in versions)
        facts = self._registers.site(site_id, since_ms, filed_ms)
        if facts is None or facts.role in ROLES:
            return None
        parameters, _ = self._registers.policy(FIRST_SEEN.name, since_ms, filed_ms)
        table = self._book.region(facts.region)
        return SteadySite(
            format_ms(since_ms),
            _END_OF_TIME if until_ms == FOREVER else format_ms(until_ms),
            format_ms(filed_ms),
            table.days,
            table.changed,
            facts,
            parameters["min_confidence"],
            parameters["look_back_d"],
            self._tracks_at(site_id),
        )
