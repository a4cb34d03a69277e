"""What somebody sends with the form: checked, bounded in rate, kept apart until it is confirmed."""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from schemas.access import Grant
from schemas.intake import Intake
from schemas.persons import IdentifierProblem
from schemas.plates import PlateProblem
from schemas.problems import rejected
from schemas.times import SECOND_MS
from services.api.audit import chain
from services.api.metrics import SELF_REGISTRATIONS
from services.api.registration import transactions
from services.api.registration.form import CONSENT
from services.api.registration.site_code import SiteCodes
from services.api.store.database import Database
from services.api.vault.vault import Vault

# A family registers one after the other from one telephone; a bus arrives at one site.
_BY_ADDRESS: Final = ("10/minute", "60/hour")
_BY_SITE: Final = ("120/minute", "2000/day")
_SOON: Final = timedelta(days=60)
_LONG_AGO: Final = timedelta(days=90)
_Text = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00]*\S[^\x00]*$")]


class Sent(BaseModel):
    """What somebody sends."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    code: Annotated[str, Field(max_length=200)]
    id_type: Annotated[str, Field(max_length=32)]
    id_number: Annotated[str, Field(min_length=1, max_length=64)]
    name: _Text
    telephone: Annotated[str, Field(pattern=r"^[0-9+\-() ]{5,32}$")]
    address: _Text
    area: Annotated[str, Field(pattern=r"^[1-9][0-9](?:0000|(?:0[1-9]|[1-9][0-9])[0-9]{2})$")]
    stay_from: date
    stay_to: date
    arrival: date
    plate: Annotated[str, Field(max_length=16)] = ""
    companions: Annotated[int, Field(ge=0, le=50)] = 0
    consent: Annotated[str, Field(pattern=r"^yes$")]


class TooMany(Exception):
    """An address or a site sends more than people could; try again later."""


class BadCode(Exception):
    """The code was made up, or its day is over."""


class Reception:
    """Takes what is sent and keeps it for an officer to look at."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        intake: Intake,
        codes: SiteCodes,
        clock_ms: Callable[[], int],
        zone: ZoneInfo,
        limits: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        """`limits` are the rates by `address` and by `site`, such as `10/minute`."""
        self._database = database
        self._vault = vault
        self._intake = intake
        self._codes = codes
        self._clock_ms = clock_ms
        self._zone = zone
        rates = limits or {"address": _BY_ADDRESS, "site": _BY_SITE}
        self._rates: dict[str, list[RateLimitItem]] = {
            who: [parse(rate) for rate in each] for who, each in rates.items()
        }
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def site_of(self, code: str) -> str:
        """Return the site of a code; raises BadCode."""
        site = self._codes.site_of(code, self.today())
        if site is None:
            raise BadCode
        return site

    def today(self) -> date:
        """Return the day that it is in the deployment's zone."""
        return datetime.fromtimestamp(self._clock_ms() / SECOND_MS, self._zone).date()

    async def admit(self, address: str) -> None:
        """Count an attempt from an address, whatever comes of it; raises TooMany."""
        await self._count("address", address)

    async def take(self, sent: Sent) -> str:
        """Keep what was sent; return a reference, which says nothing of whether they are known.

        Raises BadCode, TooMany, and Rejected, which names the field.
        """
        site = self.site_of(sent.code)
        await self._count("site", site)
        self._check_days(sent)
        try:
            person = self._intake.pseudonym(None, sent.id_type, sent.id_number)
        except IdentifierProblem as error:
            raise rejected(str(error), "id_number") from error
        assert person is not None  # There is a number.
        try:
            plate = self._intake.plate(sent.plate) if sent.plate else None
        except PlateProblem as error:
            raise rejected(str(error), "plate") from error
        reference = secrets.token_hex(8)
        now_ms = self._clock_ms()
        values = {
            "id": reference,
            "site": site,
            "person": person,
            "area": sent.area,
            "stay_from": sent.stay_from.isoformat(),
            "stay_to": sent.stay_to.isoformat(),
            "arrival": sent.arrival.isoformat(),
            "plate": plate,
            "companions": sent.companions,
            "consent": CONSENT,
            "state": "pending",
            "revision": 1,
            "posted_ms": now_ms,
        }
        identity = {
            "id_type": sent.id_type,
            "id_number": sent.id_number,
            "name": sent.name,
            "telephone": sent.telephone,
            "address": sent.address,
        }

        def work(connection: Connection) -> None:
            transactions.add(connection, values)
            # A stranger's word adds to what officers have filed of a person; it replaces nothing.
            known = self._vault.open(connection, [person]).get(person, {})
            new = {field: said for field, said in identity.items() if field not in known}
            self._vault.keep(connection, person, new, now_ms)
            entry = chain.Entry(
                at_ms=now_ms,
                actor=f"site {site}",
                role="public",
                action="registration.post",
                about=f"registration/{reference}",
                detail={"person": person},
            )
            chain.record(connection, entry)

        await self._database.write(work)
        SELF_REGISTRATIONS.labels("taken").inc()
        return reference

    async def decide(
        self, id_: str, revision: int, state: transactions.State, note: str, grant: Grant
    ) -> bool:
        """Record a decision; return False where somebody else was faster."""
        now_ms = self._clock_ms()

        def work(connection: Connection) -> bool:
            decided = transactions.decide(
                connection, id_, revision, state, grant.name, note, now_ms
            )
            if decided:
                entry = chain.Entry.by(
                    grant, now_ms, f"registration.{state}", f"registration/{id_}"
                )
                chain.record(connection, entry)
            return decided

        done = await self._database.write(work)
        if done:
            SELF_REGISTRATIONS.labels(state).inc()
        return done

    def _check_days(self, sent: Sent) -> None:
        today = self.today()
        if sent.stay_to < sent.stay_from:
            raise rejected("must not be before stay_from", "stay_to")
        for field in ("stay_from", "stay_to", "arrival"):
            if not today - _LONG_AGO <= getattr(sent, field) <= today + _SOON:
                raise rejected("must be within 90 days back and 60 ahead", field)

    async def _count(self, who: str, which: str) -> None:
        # The key says nothing of whose address it is, and has the same length for all.
        key = hashlib.sha256(which.encode()).hexdigest()[:32]
        for rate in self._rates[who]:
            if not await self._limiter.hit(rate, who, key):
                SELF_REGISTRATIONS.labels("too-many").inc()
                raise TooMany
