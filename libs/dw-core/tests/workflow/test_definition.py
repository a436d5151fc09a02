import pytest

from durable_workflow import workflow
from durable_workflow.errors import DurableWorkflowError


def test_tables_name_the_handlers_inherited_ones_included():
    class Parent:
        @workflow.signal("inherited")
        def on_inherited(self): ...

    @workflow.defn(name="tables")
    class Child(Parent):
        @workflow.signal("own")
        def on_own(self): ...

        @workflow.query("q")
        def ask(self): ...

        @workflow.update("u")
        def change(self): ...

        @change.validator
        def check(self): ...

        @workflow.update_validator("other")
        def check_other(self): ...

        @workflow.signal("hidden")
        def _hidden(self): ...

    assert Child.__workflow_name__ == "tables"
    assert Child.__workflow_signals__ == {"own": "on_own", "inherited": "on_inherited"}
    assert Child.__workflow_queries__ == {"q": "ask"}
    assert Child.__workflow_updates__ == {"u": "change"}
    assert Child.__workflow_update_validators__ == {"u": "check", "other": "check_other"}


def test_decorators_return_the_method_itself():
    def method(self): ...

    assert workflow.signal("s")(method) is method
    assert workflow.update("u")(method) is method
    assert (method.__signal_name__, method.__update_name__) == ("s", "u")


def test_static_and_class_methods_are_handlers_too():
    @workflow.defn(name="static")
    class Static:
        @staticmethod
        @workflow.query("q")
        def ask(): ...

        @classmethod
        @workflow.signal("s")
        def on_signal(cls): ...

    assert Static.__workflow_queries__ == {"q": "ask"}
    assert Static.__workflow_signals__ == {"s": "on_signal"}


def test_registry_is_a_copy_in_which_the_last_definition_wins():
    @workflow.defn(name="twice")
    class First: ...

    @workflow.defn(name="twice")
    class Second: ...

    workflow.registry().clear()
    assert workflow.registry()["twice"] is Second
    assert First is not Second


def test_name_is_keyword_only():
    with pytest.raises(TypeError):
        workflow.defn("positional")


@pytest.mark.parametrize("mark", [workflow.signal, workflow.update, workflow.update_validator])
def test_handlers_that_would_never_run_are_refused(mark):
    class Coroutine:
        @mark("x")
        async def handler(self): ...

    class Generator:
        @mark("x")
        def handler(self):
            yield

    for cls in (Coroutine, Generator):
        with pytest.raises(workflow.InvalidWorkflowDefinition, match="must be a plain method"):
            workflow.defn(name="refused")(cls)
    assert issubclass(workflow.InvalidWorkflowDefinition, DurableWorkflowError)
    assert issubclass(workflow.InvalidWorkflowDefinition, ValueError)
    assert "refused" not in workflow.registry()


def test_a_query_may_be_a_coroutine():
    @workflow.defn(name="async-query")
    class AsyncQuery:
        @workflow.query("q")
        async def ask(self): ...

    assert AsyncQuery.__workflow_queries__ == {"q": "ask"}
