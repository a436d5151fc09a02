"""Definitions that are written in a wrong way.

A line that is marked with `# rejected` must be refused by mypy and by pyright, and no other line.
"""

from durable_workflow import Client, NonRetryableError, Worker, activity, workflow
from durable_workflow.errors import ActivityFailed


@activity.defn("greet")  # rejected
def greet(name: str) -> int:
    return len(name)


@activity.defn(name=1)  # rejected
def count(name: str) -> int:
    return len(name)


@workflow.defn("greeter")  # rejected
class Greeter:
    def run(self) -> None:
        return None


class Receivers:
    @workflow.signal(1)  # rejected
    def wrong(self) -> None:
        return None

    @workflow.query("seen")
    def seen(self) -> int:
        return 1

    @workflow.update("set")
    def set(self, value: int) -> int:
        return value


@workflow.defn(name="name")  # rejected
def function() -> None:
    return None


def serve(client: Client, receivers: Receivers, failed: ActivityFailed) -> None:
    Worker(client, task_queue=1)  # rejected
    Worker(client, task_queue="q", workflows=[Greeter()])  # rejected
    Worker(client, task_queue="q", activities=["greet"])  # rejected
    Worker(client, task_queue="q", convert_arguments="no")  # rejected
    print(receivers.seen.validator)  # rejected
    print(failed.no_such_detail)  # rejected
    raise NonRetryableError(1)  # rejected
