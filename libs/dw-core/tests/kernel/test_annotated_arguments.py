"""Arguments that the kernel converts by annotation, and what becomes of those that do not fit."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from durable_workflow import serializer, workflow
from durable_workflow._kernel import Machine, Start
from durable_workflow.errors import ArgumentMismatch, QueryFailed
from durable_workflow.workflow import CompleteUpdate, CompleteWorkflow, FailUpdate, FailWorkflow


@dataclass
class Order:
    due: date


GOOD, BAD = {"due": "2026-05-01"}, {"due": "x"}


@workflow.defn(name="annotated")
class Annotated:
    def __init__(self) -> None:
        self.seen: list[Any] = []

    @workflow.signal("move")
    def move(self, order: Order) -> None:
        self.seen.append(order)

    @workflow.query("is")
    def is_due(self, order: Order) -> Any:
        return order if isinstance(order, dict) else order.due

    @workflow.update("set")
    def set_order(self, order: Order) -> Any:
        self.seen.append(order)
        return order

    @workflow.update_validator("set")
    def check(self, order: Order) -> None:
        if order.due.year < 2000:
            raise ValueError("too early")

    def run(self, ctx: Any, order: Order) -> Any:
        self.seen.append(order)
        yield ctx.schedule_activity("a", [])
        return self.seen


def machine_of(history: Any, order: Any = GOOD, *, converts: bool = True) -> Machine:
    machine = Machine(Annotated, Start(arguments=[order], converts=converts))
    machine.feed(history)
    return machine


def test_run_signals_and_applied_updates_get_objects(recorded: Any) -> None:
    history = recorded(clock="event").scheduled(2, "a").signal("move", GOOD).update("set", GOOD)
    machine = machine_of(history.completed(2, 1, "a"))
    (end,) = machine.commands()
    assert machine.instance.seen == [Order(date(2026, 5, 1))] * 3
    assert isinstance(end, CompleteWorkflow)
    assert serializer.decode(serializer.encode(end.result), "avro") == [GOOD] * 3


def test_a_worker_can_turn_it_off(recorded: Any) -> None:
    machine = machine_of(recorded().scheduled(2, "a").signal("move", BAD), converts=False)
    machine.commands()
    assert machine.instance.seen == [GOOD, BAD]
    assert machine.query("is", [BAD]) == BAD


def test_a_start_input_that_does_not_fit_is_raised_so_that_the_task_fails(recorded: Any) -> None:
    with pytest.raises(ArgumentMismatch, match=r"^order\.due: expected a date"):
        machine_of(recorded(), BAD)


def test_a_signal_that_does_not_fit_is_passed_by(recorded: Any) -> None:
    machine = machine_of(recorded(clock="event").scheduled(2, "a").signal("move", BAD))
    machine.commands()
    (passed,) = machine.take_passed_signals()
    assert passed.reason == "order.due: expected a date in ISO 8601, got other text"
    assert machine.instance.seen == [Order(date(2026, 5, 1))]


def test_queries_get_objects_and_refuse_what_does_not_fit(recorded: Any) -> None:
    machine = machine_of(recorded().scheduled(2, "a"))
    assert machine.query("is", [GOOD]) == date(2026, 5, 1)
    with pytest.raises(QueryFailed, match=r"^order\.due: expected a date"):
        machine.query("is", [BAD])


def test_validators_get_objects_and_refuse_what_does_not_fit(recorded: Any) -> None:
    machine = machine_of(recorded().scheduled(2, "a"))
    machine.validate("set", [GOOD])
    with pytest.raises(ValueError, match="too early"):
        machine.validate("set", [{"due": "1999-01-01"}])
    with pytest.raises(ArgumentMismatch, match=r"^order\.due: "):
        machine.validate("set", [BAD])


def test_an_accepted_update_gets_objects_or_fails(recorded: Any) -> None:
    history = recorded(clock="event").scheduled(2, "a")
    done = machine_of(history.accepted("set", GOOD, update_id="u-1")).apply_update("u-1")
    assert isinstance(done, CompleteUpdate)
    assert done.result == Order(date(2026, 5, 1))
    failed = machine_of(history.accepted("set", BAD, update_id="u-2")).apply_update("u-2")
    assert isinstance(failed, FailUpdate)
    assert failed.exception_type == "ArgumentMismatch"
    assert "order.due: expected a date" in failed.message


def test_an_applied_update_that_no_longer_fits_fails_the_task_and_not_the_run(
    recorded: Any,
) -> None:
    machine = machine_of(recorded(clock="event").scheduled(2, "a").update("set", BAD))
    (failure,) = machine.commands()
    assert isinstance(failure, FailWorkflow)
    assert machine.mismatched
