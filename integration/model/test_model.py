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
