"""Small histories of a county, drawn at random, by family of rules: what laws are tried on."""

from tests.alerts.histories import (
    arrivals,
    checkpoints,
    duties,
    nights,
    orders,
    reports,
    roads,
    sources,
    workers,
)

FAMILIES = (
    orders.FAMILY,
    duties.FAMILY,
    reports.FAMILY,
    workers.FAMILY,
    arrivals.FAMILY,
    nights.FAMILY,
    roads.FAMILY,
    checkpoints.FAMILY,
    sources.FAMILY,
)
