"""The rules in force, in the order in which they are tried.

**Answerable at the barrier**, from the registers and the scan alone (decision 0013): D01 in full;
D03 as the code is shown (`around` is empty, so no second scan has changed it); D05 for a high
temperature, while `fever.is_raised` asks for a recheck; D09 and D10 in full. `Registers.exemptions`
and `Registers.cover` tell what lets somebody through. Not answerable: D18 and D34, which rest on
what was read before.
"""

from rules import (
    adverse_health_code,
    fever,
    first_seen_vehicle,
    quarantine_breach,
    quarantined_vehicle_moving,
    read_quality,
    watch_list_hit,
)
from rules.rule import Rule

CATALOGUE: tuple[Rule, ...] = (
    watch_list_hit.RULE,
    adverse_health_code.RULE,
    fever.RULE,
    quarantine_breach.RULE,
    quarantined_vehicle_moving.RULE,
    first_seen_vehicle.RULE,
    read_quality.RULE,
)
BY_NAME = {rule.name: rule for rule in CATALOGUE}
