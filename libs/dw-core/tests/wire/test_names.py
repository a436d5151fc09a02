import argparse
import re
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import _protocol
from durable_workflow._wire import headers, names


def test_every_word_is_named_after_itself() -> None:
    for name, word in vars(names).items():
        if name.isupper() and isinstance(word, str):
            named = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word.removeprefix("dw."))
            assert named.upper() == name


def test_there_are_56_event_types_and_12_command_types() -> None:
    assert len(names.EVENT_TYPES) == 56
    assert len(names.COMMAND_TYPES) == 12
    assert set(names.COMMAND_TYPES) > names.TERMINAL_COMMAND_TYPES
    assert set(names.COMMAND_TYPES) > names.STEP_COMMAND_TYPES


def test_words_of_extensions_are_not_among_those_of_the_protocol() -> None:
    assert names.SIGNAL_NOT_APPLIED not in names.EVENT_TYPES
    assert names.PASS_SIGNAL not in names.COMMAND_TYPES


def test_a_class_of_events_is_read_off_the_events() -> None:
    by_code = {names.WORKFLOW_COMPLETED, names.WORKFLOW_FAILED, names.WORKFLOW_CONTINUED_AS_NEW}
    assert names.events_with(names.Trait.OF_CODE) == by_code
    assert by_code < names.events_with(names.Trait.CLOSES)
    assert names.SIGNAL_NOT_APPLIED in names.events_with(names.Trait.ECHO)


def test_recorded_histories_use_no_other_event_type(spec_data: Path) -> None:
    text = (spec_data / "example-histories.json").read_text()
    used = set(re.findall(r'"event_type": "(\w+)"', text))
    assert used
    assert used <= names.EVENT_TYPES


@pytest.mark.parametrize("value", [None, "", "  "])
def test_versions_are_those_of_this_release_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    for variable in (headers.CONTROL_PLANE_VERSION_VARIABLE, headers.PROTOCOL_VERSION_VARIABLE):
        if value is None:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, value)
    assert headers.requested_control_plane_version() == "2"
    assert headers.requested_protocol_version() == "1.1"


def test_the_environment_is_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DURABLE_WORKFLOW_CONTROL_PLANE_VERSION", " 3 ")
    monkeypatch.setenv("DURABLE_WORKFLOW_WORKER_PROTOCOL_VERSION", "1.0")
    assert headers.requested_control_plane_version() == "3"
    assert headers.requested_protocol_version() == "1.0"


def test_protocol_constants() -> None:
    assert (_protocol.PROTOCOL_VERSION, _protocol.CONTROL_PLANE_VERSION) == ("1.1", "2")
    assert _protocol.CONTROL_PLANE_REQUEST_CONTRACT_SCHEMA == (
        "durable-workflow.v2.control-plane-request.contract"
    )
    assert _protocol.CONTROL_PLANE_REQUEST_CONTRACT_VERSION == 1
    assert re.fullmatch(r"durable-workflow-python/\S+", _protocol.DEFAULT_SDK_VERSION)


def test_the_version_of_the_first_distribution_that_is_there() -> None:
    assert _protocol.installed_version("no-such-distribution") == "0.0.0+unknown"
    assert _protocol.installed_version("no-such-distribution", "avro") == (
        _protocol.installed_version("avro")
    )


def test_a_command_prints_the_version_of_its_wheel(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser(prog="some-command")
    _protocol.add_version_option(parser, "avro")
    with pytest.raises(SystemExit):
        parser.parse_args(["--version"])
    assert capsys.readouterr().out == f"some-command {_protocol.installed_version('avro')}\n"
