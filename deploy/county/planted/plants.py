"""Every kind of case, in the order in which they take turns: the ones that show most first."""

from typing import Final

from deploy.county.planted.case import Plant
from deploy.county.planted.health import (
    biased_thermometer,
    broken_reading,
    changed_code,
    cooled_down,
    fever,
    high_fever,
    one_reading,
    red_code,
    stale_code,
    yellow_code,
)
from deploy.county.planted.lists import (
    listed_elsewhere,
    listed_person,
    listed_plate,
    listing_over,
)
from deploy.county.planted.orders import (
    breach_by_code,
    breach_by_document,
    linked_car,
    permitted_trip,
    transfer,
)
from deploy.county.planted.vehicles import arrival, from_afar, transit, turned_back

PLANTS: Final[tuple[Plant, ...]] = (
    breach_by_document,
    linked_car,
    arrival,
    red_code,
    listed_plate,
    high_fever,
    breach_by_code,
    permitted_trip,
    fever,
    transit,
    listed_person,
    yellow_code,
    biased_thermometer,
    changed_code,
    transfer,
    from_afar,
    cooled_down,
    listed_elsewhere,
    stale_code,
    turned_back,
    one_reading,
    listing_over,
    broken_reading,
)
