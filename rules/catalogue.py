"""The rules in force, in the order in which they are tried."""

from rules import (
    first_seen_vehicle,
    quarantine_breach,
    quarantined_vehicle_moving,
)
from rules.rule import Rule

CATALOGUE: tuple[Rule, ...] = (
    quarantine_breach.RULE,
    quarantined_vehicle_moving.RULE,
    first_seen_vehicle.RULE,
)
BY_NAME = {rule.name: rule for rule in CATALOGUE}
