"""The list that a handheld keeps for when it has no network (decision 0015).

It holds no plate, no name and nothing of any person: a person's number can't be looked up without
the deployment's key, and that never leaves the server.
"""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Final

from rules.quarantined_vehicle_moving import RULE as VEHICLE_RULE
from rules.registers import Registers
from schemas.decisions import OfflineList, SiteName
from schemas.persons import PseudonymKey
from schemas.registers import Site
from schemas.times import format_ms
from schemas.versions import governing

# 24 bits: of the 40 million plates of one prefecture two or three share each digest, so that it
# names none; and of a thousand cars, one meets a digest of another among ten thousand by chance.
DIGEST_HEX: Final = 6


class OfflineLists:
    """Makes the lists of one deployment."""

    def __init__(self, key: PseudonymKey, max_age_s: int) -> None:
        self._secret = key.derive("offline-list")
        self._max_age_s = max_age_s

    def of(self, registers: Registers, token_digest: str, now_ms: int) -> OfflineList:
        """Return the list for the holder of a token. One token always has the same salt: two
        lists of different salts, laid over each other, would give plates away."""
        salt = hmac.digest(self._secret, token_digest.encode(), "sha256").hex()[:32]
        digests = {plate_digest(salt, plate) for plate in plates_to_verify(registers, now_ms)}
        return OfflineList(
            as_of=format_ms(now_ms),
            max_age_s=self._max_age_s,
            salt=salt,
            digest_hex=DIGEST_HEX,
            plates=sorted(digests),
            sites=list(sites(registers, now_ms)),
        )


def plate_digest(salt: str, plate: str) -> str:
    """Return the short digest of a canonical plate."""
    return hashlib.sha256((salt + plate).encode()).hexdigest()[:DIGEST_HEX]


def plates_to_verify(registers: Registers, now_ms: int) -> Iterator[str]:
    """Yield every plate that would be verified somewhere: sites and directions are not asked."""
    known_ms = max(now_ms, registers.newest_ms)
    parameters, _ = registers.policy(VEHICLE_RULE.name, now_ms, known_ms)
    # Listed persons are among the names; a digest of their keys would tell nobody anything, and
    # no plate has a colon.
    for plate in registers.named_plates():
        if ":" in plate:
            continue
        if registers.watched(plate, now_ms, known_ms) or any(
            link.strength >= parameters["min_strength"]
            and registers.orders_of(link.person, now_ms, known_ms)
            for link in registers.links_of(plate, now_ms, known_ms)
        ):
            yield plate


def sites(registers: Registers, now_ms: int) -> Iterator[SiteName]:
    """Yield the sites that stand, by id."""
    known_ms = max(now_ms, registers.newest_ms)
    for site_id, versions in sorted(registers.versions("site").items()):
        site: Site | None = governing(versions, now_ms, known_ms)
        if site is not None:
            yield SiteName(site_id, site.name)
