"""Whatever is asked of a server in whatever order, it answers and holds what the model says."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from integration.model.rules import ApiRules

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
