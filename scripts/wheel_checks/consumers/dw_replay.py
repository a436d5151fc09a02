"""What a build may do with dw-replay."""

from collections.abc import Generator
from typing import Any, assert_type

from durable_workflow import Replayer, ReplayOutcome, workflow
from durable_workflow.replay_check import CheckReport, check_histories
from durable_workflow.workflow import WorkflowContext


@workflow.defn(name="doubler")
class Doubler:
    def run(self, ctx: WorkflowContext, number: int) -> Generator[Any, Any, int]:
        doubled: int = yield ctx.schedule_activity("double", [number])
        return doubled


outcome = Replayer(workflows=[Doubler]).replay([], start_input=[2])
assert_type(outcome, ReplayOutcome)


def is_safe(folder: str) -> bool:
    report = check_histories(folder, [Doubler], processes=0)
    assert_type(report, CheckReport)
    return report.verdict == "ok"
