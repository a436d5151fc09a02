"""Whatever is asked of a server in whatever order, it answers and holds what the model says."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from integration.model import worker
from integration.model.rules import ApiRules
from integration.model.worker_rules import Plan

# MODEL_EXAMPLES, MODEL_STEPS: how many orders, and of how many requests each.
EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "20"))
STEPS = int(os.environ.get("MODEL_STEPS", "30"))

TestModel = ApiRules.TestCase
TestModel.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)


def test_a_removed_child_is_not_taken_for_a_new_one_that_its_parents_history_tells_of() -> None:
    order = ApiRules()
    try:
        order.start("parent", "fail", None, keyed=False)
        order.work(Plan("complete", [worker.step("abandon"), worker.step("timer")], None))
        [_, child] = order.model.runs
        ids = list(order.model.workflows)
        order.close(ids.index(order.model.runs[child].workflow_id), "cancel")
        # Behind the two runs stand the two ways to remove what is expired.
        order.remove_runs(2)
        assert child not in order.model.runs, "the order removes no child"
        order.pass_time(6)
        order.work(Plan("complete", [worker.SIDE_EFFECT], None))
        order.lists_agree()
    finally:
        order.teardown()


def test_a_fire_that_waits_has_its_turn_when_the_workflow_before_it_ends() -> None:
    order = ApiRules()
    try:
        order.create_schedule("daily", "buffer_all", None)
        order.trigger_schedule("daily", None, again=False)
        order.trigger_schedule("daily", None, again=False)
        assert order.model.schedules["daily"].buffered == 1
        order.end_what_was_started_last("cancel")
        assert order.model.schedules["daily"].buffered == 0
    finally:
        order.teardown()


def test_a_signal_is_told_though_the_end_of_a_parent_ends_the_child_at_work() -> None:
    order = ApiRules()
    try:
        order.start("parent", "fail", None, keyed=False)
        order.work(Plan("complete", [worker.step("terminate")], None))
        assert order.claim() is not None
        [_, child] = order.model.workflows
        assert order.model.held_runs() == [child]
        order.command_while_it_is_worked_on(0, "signal/s")
        order.end("parent", "cancel")
    finally:
        order.teardown()


def test_an_attempt_may_outlast_its_run_and_what_is_kept_of_it() -> None:
    order = ApiRules()
    try:
        order.start_activity("alone", "start_to_close", keyed=False)
        order.work_on_an_activity("leave")
        [host] = order.model.runs
        order.close([*order.model.workflows].index("alone"), "terminate")
        # Behind the run stand the two ways to remove what is expired.
        order.remove_runs(2)
        assert host not in order.model.runs, "the order removes no run"
        order.pass_time(301)
    finally:
        order.teardown()
