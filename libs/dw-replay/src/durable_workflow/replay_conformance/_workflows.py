"""The workflows that are replayed: one that does some of everything, and one that differs."""

from collections.abc import Generator
from typing import Any

from durable_workflow import workflow
from durable_workflow.errors import ActivityFailed
from durable_workflow.workflow import WorkflowContext

Steps = Generator[Any, Any, Any]


@workflow.defn(name="conformance.replay")
class ReplayConformanceWorkflow:
    """Takes the steps of a scenario, and ends with what it got for them."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.approved: bool | None = None
        self.scenario = ""

    @workflow.signal("name_provided")
    def name_provided(self, name: str) -> None:
        """Take a name."""
        self.name = name

    @workflow.update("approve")
    def approve(self, approved: bool) -> bool:
        """Approve, or do not."""
        self.approved = approved
        return approved

    @workflow.query("current_state")
    def current_state(self) -> dict[str, Any]:
        """All that the workflow was told."""
        return {"scenario": self.scenario, "name": self.name, "approved": self.approved}

    def run(self, ctx: WorkflowContext, scenario: str) -> Steps:
        """Take the steps of a scenario."""
        self.scenario = scenario
        match scenario:
            case "activity":
                return (yield ctx.schedule_activity("conformance.echo", ["one"]))
            case "activity-failure":
                try:
                    yield ctx.schedule_activity("conformance.echo", ["one"])
                except ActivityFailed as error:
                    return {"failed": str(error)}
                return None
            case "fan-out":
                return (
                    yield [ctx.schedule_activity("conformance.echo", [n]) for n in ("one", "two")]
                )
            case "timer":
                return (yield ctx.start_timer(5))
            case "child":
                return (yield ctx.start_child_workflow("conformance.child", ["one"]))
            case "side-effect":
                return (yield ctx.side_effect(lambda: "computed now"))
            case "version":
                return (yield ctx.get_version("conformance-change", 1, 3))
            case "search-attributes":
                return (yield ctx.upsert_search_attributes({"Scenario": scenario}))
            case "signal":
                yield ctx.wait_condition(lambda: self.name is not None, key="name")
                return self.name
            case "update":
                yield ctx.wait_condition(lambda: self.approved is not None, key="approval")
                return self.approved
            case "continue-as-new":
                return ctx.continue_as_new("activity")
            case _:
                raise ValueError(f"no such scenario: {scenario}")


@workflow.defn(name="conformance.replay-divergent")
class ReplayConformanceDivergentWorkflow:
    """Asks for something that no history of the other one has."""

    def run(self, ctx: WorkflowContext, scenario: str) -> Steps:
        """Ask for it."""
        yield ctx.schedule_activity("conformance.never-recorded", [scenario])
