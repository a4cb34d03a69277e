"""Which incident an alert belongs to: a pure function of its finding and of who lives together."""

from collections.abc import Mapping

from schemas.alerts import Finding

# Subjects that are places, or stand for one: what happens there at all is one incident.
_PLACES = ("site", "source")


def incident_of(finding: Finding, households: Mapping[str, str]) -> str:
    """Return the incident of an alert that is raised now; it keeps it for all its life.

    `households` gives the household of an order, where the register names one: a household is one
    incident, whichever of its members it is about; else the order, whichever rule fired. Without an
    order it is the household, the vehicle or the person that the alert is about, or the site.
    """
    if finding.order is not None:
        household = households.get(finding.order)
        found = f"order:{finding.order}" if household is None else f"household:{household}"
    elif finding.subject.kind in _PLACES and finding.site is not None:
        found = f"site:{finding.site}"
    else:
        found = finding.subject.key
    # It stands in a path; only a vehicle without a plate (`vehicle:car/blue`) has one inside.
    return found.replace("/", "~")
