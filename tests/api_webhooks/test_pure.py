"""The parts of webhooks without a store: addresses, waits, verdicts, seals."""

import pytest

from schemas.times import HOUR_MS, MINUTE_MS
from services.api.sealing import Sealing, Unsealable
from services.api.webhooks.addresses import networks_of, permitted, problem_of
from services.api.webhooks.retrying import GIVE_UP_MS, gives_up, verdict_of, wait_ms

AT = 1_640_000_000_000


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff0e::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)
def test_what_lies_inside_is_not_reached(address: str) -> None:
    assert not permitted(address, secure=True, allowed=())


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe", "64:ff9b::909:909"])
def test_the_world_is_reached_only_encrypted(address: str) -> None:
    assert permitted(address, secure=True, allowed=())
    assert not permitted(address, secure=False, allowed=())


def test_a_network_that_is_named_is_reached_anyhow() -> None:
    allowed = networks_of("10.2.0.0/16, fd00::/8")
    for address in ("10.2.3.4", "::ffff:10.2.3.4", "fd00::7"):
        assert permitted(address, secure=False, allowed=allowed)
    assert not permitted("10.3.0.1", secure=True, allowed=allowed)
    with pytest.raises(ValueError, match="1.2.3.4/8"):
        networks_of("1.2.3.4/8")


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("https://hooks.example.org/a?b=c", None),
        ("http://hooks.example.org/", "https"),
        ("ftp://hooks.example.org/", "https"),
        ("https:///path", "host"),
        ("https://user:secret@example.org/", "password"),
        ("https://example.org/#part", "fragment"),
        ("https://example.org:99999/", "Port out"),
        ("https://example.org/a b", "spaces"),
        ("https://例.org/", "ASCII"),
        ("https://[::1/", "IPv6"),
        ("https://127.0.0.1/", "CORDON_WEBHOOK_ALLOW"),
        ("https://[::ffff:10.0.0.1]/", "CORDON_WEBHOOK_ALLOW"),
    ],
)
def test_urls(url: str, wrong: str | None) -> None:
    problem = problem_of(url, ())
    if wrong is None:
        assert problem is None
    else:
        assert wrong in (problem or "")


def test_in_a_network_that_is_named_http_will_do() -> None:
    assert problem_of("http://10.2.3.4/", networks_of("10.2.0.0/16")) is None
    assert problem_of("http://10.3.0.1/", networks_of("10.2.0.0/16")) is not None


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, "taken"),
        (204, "taken"),
        (301, "failed"),
        (400, "refused"),
        (401, "failed"),
        (410, "gone"),
        (413, "refused"),
        (422, "refused"),
        (429, "failed"),
        (500, "failed"),
        (None, "failed"),
    ],
)
def test_verdicts(status: int | None, verdict: str) -> None:
    assert verdict_of(status) == verdict


def test_waits_grow_and_go_beyond_a_day() -> None:
    waits = [wait_ms(failures, 0.5, None) for failures in range(1, 25)]
    assert waits[0] == 5_000
    assert waits == sorted(waits)
    assert sum(waits) > 24 * HOUR_MS
    assert wait_ms(1, 0.0, None) == 4_000
    assert wait_ms(1, 0.999, None) < 6_000


def test_a_receiver_may_ask_for_a_longer_wait_but_not_for_any() -> None:
    assert wait_ms(1, 0.5, 60.0) == MINUTE_MS
    assert wait_ms(1, 0.5, 0.0) == 5_000
    assert wait_ms(1, 0.5, 1e6) == 2 * HOUR_MS


def test_an_event_is_given_up_after_more_than_a_day() -> None:
    assert not gives_up("failed", 50, AT, AT, AT + GIVE_UP_MS - 1)
    assert gives_up("failed", 50, AT, AT, AT + GIVE_UP_MS)
    # An old event that meets the first failure has its day too.
    assert not gives_up("failed", 1, AT, AT - GIVE_UP_MS, AT)
    assert not gives_up("refused", 2, AT, AT, AT)
    assert gives_up("refused", 3, AT, AT, AT)


def test_a_seal_opens_in_its_place_only() -> None:
    sealing = Sealing(bytes(32))
    sealed = sealing.seal(b"secret", "webhook a")
    assert b"secret" not in sealed
    assert sealing.open(sealed, "webhook a") == b"secret"
    assert sealing.seal(b"secret", "webhook a") != sealed
    for key, place, bytes_ in (
        (bytes(32), "webhook b", sealed),
        (bytes([1] * 32), "webhook a", sealed),
        (bytes(32), "webhook a", sealed[:-1]),
        (bytes(32), "webhook a", b""),
    ):
        with pytest.raises(Unsealable, match=place):
            Sealing(key).open(bytes_, place)
