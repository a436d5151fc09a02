"""What holds for every pytest session: hypothesis profiles, reports, and nothing skipped in CI.

`libs/conftest.py` and `integration/conftest.py` bring it in; whichever comes first registers it.

HYPOTHESIS_PROFILE  "default", or "soak" for many examples
SOAK_EXAMPLES       examples of a property with the profile "soak" (default 2000)
CI                  "true": a session that skipped a test has failed, unless the test bears
                    `@pytest.mark.may_skip(reason)`
DURABLE_WORKFLOW_SPEC_DATA  where tests find the specification's data. "none" says that there is
                    none here, and then tests that need it may skip in CI too
"""

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

NAME = "durable-workflow-session-rules"
_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "spec" / "data"

# How long examples take to be drawn says how busy the machine is, and nothing of what is tested.
settings.register_profile(
    "default",
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "soak",
    parent=settings.get_profile("default"),
    max_examples=int(os.environ.get("SOAK_EXAMPLES", "2000")),
)


class SessionRules:
    """Fails a CI session that skipped something."""

    def __init__(self, config: pytest.Config) -> None:
        self.strict = os.environ.get("CI", "").lower() in {"1", "true"}
        self.data_absent = os.environ.get("DURABLE_WORKFLOW_SPEC_DATA") == "none"
        self.config = config
        self.refused: list[str] = []

    def _note(self, node_id: str, reason: str) -> None:
        if self.strict and not (self.data_absent and "specification" in reason):
            self.refused.append(f"{node_id}: {reason}")

    @pytest.hookimpl
    def pytest_sessionstart(self) -> None:
        """Expect that an interruption of workflow code comes where Python reports and forgets it.

        In a finalizer nothing can be raised. The watchdog interrupts the code again.
        """
        report = sys.unraisablehook

        def report_unless_interrupted(unraisable: "sys.UnraisableHookArgs") -> None:
            if unraisable.exc_type.__name__ != "CodeInterrupted":
                report(unraisable)

        sys.unraisablehook = report_unless_interrupted

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Make a report one that pytest-xdist can send: it takes no half of a surrogate pair."""
        report = yield
        report.sections = [(title, _sendable(text)) for title, text in report.sections]
        if report.failed and _sendable(report.longreprtext) != report.longreprtext:
            report.longrepr = _sendable(report.longreprtext)
        return report

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail") and "may_skip" not in report.keywords:
            self._note(report.nodeid, _reason(report))

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._note(report.nodeid, _reason(report))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.refused and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.refused:
            terminalreporter.section("skipped, and CI skips nothing", red=True)
            for line in self.refused:
                terminalreporter.line(line)


@pytest.fixture(scope="session")
def spec_data() -> Path:
    """The folder with the specification's vectors and examples."""
    named = os.environ.get("DURABLE_WORKFLOW_SPEC_DATA")
    folder = Path(named) if named else _BESIDE
    if not folder.is_dir():
        pytest.skip(f"the specification's data is not at {folder}")
    return folder


def _sendable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    return str(report.longrepr)


def pytest_configure(config: pytest.Config) -> None:
    """Register the rules, once, and load the hypothesis profile."""
    if not config.pluginmanager.has_plugin(NAME):
        settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
        config.pluginmanager.register(SessionRules(config), NAME)
