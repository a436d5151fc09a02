"""What `dw-worker` may be asked, and how it refuses the rest."""

import pytest

from durable_workflow.worker._command import main
from durable_workflow.worker._command._options import WrongUse, read_options

MODULE = ["app", "--task-queue", "q"]


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SERVER_URL", "AUTH_TOKEN", "NAMESPACE"):
        monkeypatch.delenv(f"DURABLE_WORKFLOW_{name}", raising=False)
    options = read_options(MODULE)
    assert (options.url, options.token, options.namespace) == (
        "http://localhost:8080",
        None,
        "default",
    )
    assert options.targets == ("app",)
    assert options.worker == {}
    assert options.log_level == "INFO"
    assert not options.reload


def test_the_environment_stands_in_and_flags_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DURABLE_WORKFLOW_SERVER_URL", "http://server:1")
    monkeypatch.setenv("DURABLE_WORKFLOW_AUTH_TOKEN", "secret")
    monkeypatch.setenv("DURABLE_WORKFLOW_NAMESPACE", "billing")
    options = read_options([*MODULE, "--namespace", "orders"])
    assert options.url == "http://server:1"
    assert options.token == "secret"
    assert options.namespace == "orders"


def test_settings_of_the_worker() -> None:
    flags = ["--max-workflow-tasks", "3", "--max-activity-tasks", "4", "--shutdown-timeout", "1.5"]
    options = read_options([*MODULE, *flags, "--build-id", "b", "--worker-id", "w"])
    assert options.worker == {
        "worker_id": "w",
        "build_id": "b",
        "max_concurrent_workflow_tasks": 3,
        "max_concurrent_activity_tasks": 4,
        "shutdown_timeout": 1.5,
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["app"], "--task-queue is needed"),
        (["app:worker", "other"], "app:worker is a worker of its own"),
        (["app:worker", "--task-queue", "q"], "so --task-queue has no use"),
        (["app:worker", "--max-workflow-tasks", "2"], "so --max-workflow-tasks has no use"),
    ],
)
def test_arguments_that_contradict_each_other(arguments: list[str], says: str) -> None:
    with pytest.raises(WrongUse, match=says):
        read_options(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [*MODULE, "--max-activity-tasks", "0"],
        [*MODULE, "--max-activity-tasks", "many"],
        [*MODULE, "--shutdown-timeout", "nan"],
        [*MODULE, "--log-level", "loud"],
        [*MODULE, "--unknown"],
    ],
)
def test_arguments_that_cannot_be_read(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_wrong_use_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["app"]) == 2
    assert capsys.readouterr().err == "dw-worker: --task-queue is needed: the queue to serve\n"
