"""How often a service may die."""

from deploy.patience import Patience


def test_each_death_within_a_minute_costs_twice_the_wait() -> None:
    patience = Patience()
    assert [patience.after_death(at_s) for at_s in (0.0, 1.0, 2.0, 3.0)] == [0.2, 0.4, 0.8, 1.6]


def test_the_fifth_death_within_a_minute_is_one_too_many() -> None:
    patience = Patience()
    for at_s in (0.0, 10.0, 20.0, 30.0):
        patience.after_death(at_s)
    assert patience.after_death(59.9) is None


def test_old_deaths_are_forgiven() -> None:
    patience = Patience()
    for at_s in (0.0, 10.0, 20.0, 30.0):
        patience.after_death(at_s)
    assert patience.after_death(60.0) == 1.6
    assert patience.after_death(1000.0) == 0.2
