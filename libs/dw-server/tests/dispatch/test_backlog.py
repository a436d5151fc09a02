from __future__ import annotations

from durable_workflow.server.dispatch.backlog import Backlog
from durable_workflow.server.dispatch.takers import Profile

ANY = Profile(frozenset(), None)
ORDERS = Profile(frozenset({"order"}), None)
MAILS = Profile(frozenset({"mail"}), None)
ORDERS_OF_B1 = Profile(frozenset({"order"}), "b1")


def test_at_the_beginning_anything_may_be_waiting() -> None:
    backlog = Backlog()
    assert backlog.is_flagged(("order", None))
    assert backlog.may_hold(ORDERS)
    assert backlog.shown() == []  # nobody was looked for in vain


def test_a_look_that_finds_nothing_clears_what_its_worker_may_take_and_nothing_else() -> None:
    backlog = Backlog()
    backlog.found_nothing(ORDERS)
    assert not backlog.is_flagged(("order", None))
    assert not backlog.may_hold(ORDERS)
    assert backlog.is_flagged(("mail", None))
    assert backlog.is_flagged(("order", "b1"))
    assert backlog.may_hold(MAILS)


def test_a_worker_without_types_clears_all_types_but_not_the_builds_of_others() -> None:
    backlog = Backlog()
    backlog.found_nothing(ANY)
    assert not backlog.is_flagged(("order", None))
    assert not backlog.is_flagged(("mail", None))
    assert backlog.is_flagged(("order", "b1"))


def test_a_task_that_found_nobody_flags_its_group_for_all_who_may_take_it() -> None:
    backlog = Backlog()
    for profile in (ORDERS, MAILS, ORDERS_OF_B1):
        backlog.found_nothing(profile)
    backlog.flag(("order", "b1"))
    assert backlog.is_flagged(("order", "b1"))
    assert not backlog.is_flagged(("order", None))
    assert backlog.may_hold(ORDERS_OF_B1)
    assert not backlog.may_hold(ORDERS)
    assert not backlog.may_hold(MAILS)
    assert backlog.shown() == [{"type": "order", "build_id": "b1"}]


def test_a_flag_is_raised_again_after_it_was_cleared() -> None:
    backlog = Backlog()
    backlog.found_nothing(ORDERS)
    for _ in range(2):
        assert not backlog.is_flagged(("order", None))
        backlog.flag(("order", None))
        assert backlog.is_flagged(("order", None))
        assert backlog.may_hold(ORDERS)
        backlog.found_nothing(ORDERS)
    assert backlog.shown() == []


def test_a_flag_that_the_worker_may_not_take_outlasts_its_look() -> None:
    backlog = Backlog()
    backlog.flag(("mail", None))
    backlog.found_nothing(ORDERS)
    assert backlog.is_flagged(("mail", None))
    assert backlog.shown() == [{"type": "mail", "build_id": None}]


def test_after_a_doubt_everybody_looks_again() -> None:
    backlog = Backlog()
    backlog.found_nothing(ORDERS)
    assert not backlog.is_flagged(("order", None))  # and it is remembered that it was clear
    backlog.doubt()
    assert backlog.is_flagged(("order", None))
    assert backlog.may_hold(ORDERS)


def test_beyond_a_thousand_flags_all_groups_are_flagged_and_none_is_lost() -> None:
    backlog = Backlog()
    backlog.found_nothing(ANY)
    for number in range(1500):
        backlog.flag((f"type-{number}", None))
    assert len(backlog.shown()) <= 1000
    assert all(backlog.is_flagged((f"type-{number}", None)) for number in range(1500))
    assert backlog.may_hold(ANY)


def test_of_more_than_a_thousand_clear_groups_all_stay_clear() -> None:
    backlog = Backlog()
    backlog.found_nothing(ANY)
    for _ in range(2):
        assert not any(backlog.is_flagged((f"type-{number}", None)) for number in range(1500))
    backlog.flag(("type-1400", None))
    assert backlog.is_flagged(("type-1400", None))


def test_beyond_a_thousand_profiles_the_others_look_again() -> None:
    backlog = Backlog()
    profiles = [Profile(frozenset({f"type-{number}"}), None) for number in range(1001)]
    for profile in profiles:
        backlog.found_nothing(profile)
    assert not backlog.may_hold(profiles[-1])
    assert backlog.may_hold(profiles[0])
