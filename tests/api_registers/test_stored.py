"""What the API makes of a record of a register's topic, and when a filing says nothing new."""

import msgspec
import pytest

from schemas.filing import Filing
from schemas.intake import Intake
from schemas.persons import PseudonymKey
from schemas.times import format_ms
from schemas.versions import FOREVER
from services.api.registers.stored import StoredVersion, restates, version_of

FILING = Filing(Intake(PseudonymKey.fixed_for_tests()))
BODY = {"source": "s", "reason": "r", "purpose": "outbreak-control", "plate": "浙F70002"}


def filed(recorded_ms: int, **fields: object) -> StoredVersion:
    body = msgspec.json.encode({**BODY, **fields})
    entry = FILING.put("resident-vehicle", "v", body, "first", recorded_ms)
    change = FILING.filed_put("resident-vehicle", entry, recorded_ms, "e", "test")
    return version_of("resident-vehicle", change.value, 0)


DELETION = StoredVersion(1_000, 1_000, FOREVER, None, "v", 0, "{}")


@pytest.mark.parametrize(
    ("existing", "fields", "same"),
    [
        (filed(1_000), {}, True),
        (filed(1_000, valid_from=format_ms(500)), {}, True),
        (filed(1_000), {"plate": "浙F 70002"}, True),
        (filed(1_000), {"grid": "g-1"}, False),
        (filed(1_000), {"valid_from": format_ms(900)}, False),
        (filed(1_000, valid_from=format_ms(900)), {"valid_from": format_ms(900)}, True),
        (filed(1_000, valid_from=format_ms(9_000)), {}, False),
        (filed(1_000, valid_to=format_ms(9_000)), {}, False),
        (DELETION, {}, False),
        (None, {}, False),
        (msgspec.structs.replace(filed(1_000), body='{"of": "an older schema"}'), {}, False),
    ],
)
def test_restating_is_no_change(
    existing: StoredVersion | None, fields: dict[str, object], same: bool
) -> None:
    body = msgspec.json.encode({**BODY, **fields})
    entry = FILING.put("resident-vehicle", "v", body, "second", 2_000)
    assert restates(existing, "resident-vehicle", entry, 2_000) is same
