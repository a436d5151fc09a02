"""The requests of callers: starts, signals, updates, and ends, new ones and again."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from integration.model import worker
from integration.model.checked import PICKS, Json, chosen
from integration.model.model import COMMANDED, Command
from integration.model.worker_rules import OUTCOMES, PLANS, Plan, WorkerRules

IDS = st.sampled_from(["one", "two", "three"])
POLICIES = st.sampled_from(["fail", "use-existing", "allow", "terminate_existing"])


class CallerRules(WorkerRules):
    """What callers do beside the worker."""

    @initialize(plans=st.lists(PLANS, min_size=2, max_size=2))
    def begin(self, plans: list[Plan]) -> None:
        """Most orders of rules say more where something runs."""
        for workflow_id, plan in zip(("one", "two"), plans, strict=True):
            self.start(workflow_id, "fail", None, keyed=False)
            self.work(plan)

    @rule(
        workflow_id=IDS,
        policy=POLICIES,
        timeout=st.sampled_from([None, None, 40]),
        keyed=st.booleans(),
    )
    def start(self, workflow_id: str, policy: str, timeout: int | None, keyed: bool) -> None:
        body: Json = {"workflow_id": workflow_id, "workflow_type": "t", "task_queue": "q"}
        body |= {"duplicate_policy": policy, "execution_timeout_seconds": timeout}
        body["search_attributes"] = {"tag": workflow_id}
        key = self.next("key") if keyed else None
        status = self.model.status_of_start(workflow_id, policy)
        told = self.expect(self.served.post("/workflows", body, key), status)
        if status == 201:
            deadline = None if timeout is None else self.model.now + timeout
            self.model.started(workflow_id, told["run_id"], deadline=deadline)
        else:
            current = self.current(workflow_id)
            assert told["run_id"] == current.run_id, (policy, current, told)
        if key is not None and status != 409:
            self.model.starts[key] = ("/workflows", body, told["run_id"])

    @precondition(lambda self: self.model.starts)
    @rule(pick=PICKS, other=st.booleans())
    def start_again_with_its_key(self, pick: int, other: bool) -> None:
        """It is answered as before; another start under its key is refused."""
        key = chosen(self.model.starts, pick)
        path, body, run_id = self.model.starts[key]
        if other:
            self.expect(self.served.post(path, body | {"business_key": "another"}, key), 422)
            return
        answer = self.served.post(path, body, key)
        assert answer.status in (200, 201), answer
        told = answer.need(answer.status)
        named = told["run_id"] if path == "/workflows" else told["workflow_run_id"]
        assert named == run_id, (run_id, body, answer)

    @rule(pick=PICKS, verb=st.sampled_from(["signal/s", "update/u"]), again=st.booleans())
    def command(self, pick: int, verb: str, again: bool) -> None:
        """Send a command, and again under the same request id: it is one command."""
        command = self.send(self.workflow(pick), verb)
        if again and command is not None:
            self.repeat(command)

    def send(self, workflow_id: str, verb: str) -> Command | None:
        """Send a signal or an update; None where it was refused, as it had to be."""
        path, body = f"/workflows/{workflow_id}/{verb}", {"request_id": self.next("request")}
        status = self.model.status_of_command(workflow_id, COMMANDED)
        told = self.expect(self.served.post(path, body), status)
        if status != COMMANDED:
            return None
        ids = told["run_id"], path, body, told["command_id"], told.get("update_id")
        command = Command(workflow_id, *ids)
        self.model.commanded(self.current(workflow_id), command)
        return command

    @precondition(lambda self: self.model.held_runs())
    @rule(pick=PICKS, verb=st.sampled_from(["signal/s", "update/u"]))
    def command_while_it_is_worked_on(self, pick: int, verb: str) -> None:
        """What comes while a task is held waits for the report on it, or for the end of the run."""
        self.send(chosen(self.model.held_runs(), pick), verb)

    @precondition(lambda self: self.model.open_workflows())
    @rule(pick=PICKS, update=OUTCOMES, end=st.sampled_from(worker.ENDS))
    def end_in_an_update(self, pick: int, update: str, end: str) -> None:
        """Have a run ended in the task of an update: that comes while its steps are open, too."""
        runs = self.model.open_workflows()
        command = self.send(runs[pick % len(runs)].workflow_id, "update/u")
        while command is not None and (lease := self.claim()) is not None:
            if lease.run_id == command.run_id:
                self.complete(lease, Plan(update, [worker.SIDE_EFFECT], end))
                return

    @precondition(lambda self: self.model.commands)
    @rule(pick=PICKS)
    def repeat_a_command(self, pick: int) -> None:
        recent = list(self.model.commands.values())[-8:]
        self.repeat(recent[-1 - pick % len(recent)])

    def repeat(self, command: Command) -> None:
        """Send a command again: it is the one that it was, and an update tells how it stands."""
        if not command.is_known:
            return
        told = self.served.post(command.path, command.body).body
        assert told["command_id"] == command.command_id, (command, told)
        if command.update_id is not None:
            assert told["update_id"] == command.update_id, (command, told)
            assert told["update_status"] == command.status, (command, told)

    @rule(pick=PICKS, verb=st.sampled_from(["cancel", "terminate"]))
    def close(self, pick: int, verb: str) -> None:
        self.end(self.workflow(pick), verb)

    def end(self, workflow_id: str, verb: str) -> None:
        """Cancel or terminate the current run of a workflow."""
        status = self.model.status_of_command(workflow_id, 200)
        self.expect(self.served.post(f"/workflows/{workflow_id}/{verb}"), status)
        if status == 200:
            ended = "cancelled" if verb == "cancel" else "terminated"
            self.model.close(self.current(workflow_id), ended)

    @rule(pick=PICKS)
    def command_a_past_run(self, pick: int) -> None:
        past = [run for run in self.model.runs.values() if run is not self.current(run.workflow_id)]
        if past:
            run = past[pick % len(past)]
            path = f"/workflows/{run.workflow_id}/runs/{run.run_id}/signal/s"
            self.expect(self.served.post(path), 409)
