"""Names beside the public ones that published test suites import or replace."""

# pyright: reportPrivateUsage=false

import types

from durable_workflow import activity, errors, serializer


def test_the_mapping_of_answers() -> None:
    assert callable(errors._raise_for_status)


def test_the_avro_codec() -> None:
    assert isinstance(serializer._avro, types.ModuleType)
    for name in ("encode", "decode", "encode_many", "decode_many"):
        assert callable(getattr(serializer._avro, name))


def test_the_context_variable_of_activities() -> None:
    token = activity._set_context(None)
    assert token.var.get() is None
    token.var.reset(token)


def test_the_serializer_logs_under_its_published_name() -> None:
    assert serializer.log.name == "durable_workflow.serializer"
