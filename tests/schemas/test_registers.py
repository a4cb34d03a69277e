"""Registers: their names, topics and types, and what they all have."""

import re

import msgspec
import pytest

from schemas.registers import (
    REGISTERS,
    Deletion,
    Entry,
    parse_register_type,
    register_topic,
    register_type,
)
from tests.schemas.sampled import sample


def test_the_registers_are_those_of_the_contracts() -> None:
    assert set(REGISTERS) == {
        "site",
        "device",
        "zone",
        "route",
        "order",
        "permit",
        "transfer",
        "watch-entry",
        "risk-area",
        "arrival-notice",
        "resident-vehicle",
        "vehicle-link",
        "residence",
        "pass",
        "exemption",
        "facility",
        "approval",
        "enterprise",
        "worker",
        "reporter",
        "duty-shift",
        "roster",
        "responsibility",
        "case",
        "policy",
    }
    assert all(issubclass(entry, Entry) for entry in REGISTERS.values())


@pytest.mark.parametrize("name", REGISTERS)
def test_names(name: str) -> None:
    assert register_topic(name) == f"cordon.registers.{name}.v1"
    assert register_type(name, "put") == f"cordon.{name}.put.v1"
    assert parse_register_type(register_type(name, "put")) == (name, "put")
    assert parse_register_type(register_type(name, "delete")) == (name, "delete")


@pytest.mark.parametrize(
    "event_type",
    [
        "cordon.plate-hit.v1",
        "cordon.unicorn.put.v1",
        "cordon.site.steal.v1",
        "cordon.site.put.v2",
        "other.site.put.v1",
        "cordon.site.put.v1.more",
        "",
    ],
)
def test_what_is_no_change_of_a_register(event_type: str) -> None:
    assert parse_register_type(event_type) is None


@pytest.mark.parametrize("name", REGISTERS)
@pytest.mark.parametrize("field", ["id", "valid_from", "author", "source", "reason", "purpose"])
def test_every_entry_says_who_why_and_since_when(name: str, field: str) -> None:
    data = sample(f"cordon.{name}.put.v1")["data"]
    del data[field]
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.convert(data, REGISTERS[name])


@pytest.mark.parametrize("purpose", ["census", "", None])
def test_purposes_are_a_closed_list(purpose: str | None) -> None:
    data = sample("cordon.site.put.v1")["data"] | {"purpose": purpose}
    with pytest.raises(msgspec.ValidationError, match=re.escape("$.purpose")):
        msgspec.convert(data, REGISTERS["site"])


@pytest.mark.parametrize("entry_id", ["", "a/b", "a b", "a\tb", "x" * 129])
def test_ids_fit_into_a_path(entry_id: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"id": entry_id, "author": "liu"}, Deletion)


def test_ids_may_be_of_any_script() -> None:
    assert msgspec.convert({"id": "北门-1", "author": "liu"}, Deletion).id == "北门-1"
