# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.errors import DurableWorkflowError


def test_tables_name_the_handlers_inherited_ones_included() -> None:
    class Parent:
        @workflow.signal("inherited")
        def on_inherited(self) -> None: ...

    @workflow.defn(name="tables")
    class Child(Parent):
        @workflow.signal("own")
        def on_own(self) -> None: ...

        @workflow.query("q")
        def ask(self) -> None: ...

        @workflow.update("u")
        def change(self) -> None: ...

        @change.validator
        def check(self) -> None: ...

        @workflow.update_validator("other")
        def check_other(self) -> None: ...

    marked: Any = Child
    assert marked.__workflow_name__ == "tables"
    assert marked.__workflow_signals__ == {"own": "on_own", "inherited": "on_inherited"}
    assert marked.__workflow_queries__ == {"q": "ask"}
    assert marked.__workflow_updates__ == {"u": "change"}
    assert marked.__workflow_update_validators__ == {"u": "check", "other": "check_other"}


def test_a_method_that_overrides_a_receiver_is_one() -> None:
    class Parent:
        @workflow.signal("s")
        def on_signal(self) -> None: ...

        @workflow.query("q")
        def ask(self) -> None: ...

        @workflow.update("u")
        def change(self) -> None: ...

    class Between(Parent):
        def on_signal(self) -> None: ...

    @workflow.defn(name="overrides")
    class Child(Between):
        def on_signal(self) -> None: ...

        @workflow.query("other")
        def ask(self) -> None: ...

        change = None  # type: ignore[assignment]

    marked: Any = Child
    assert marked.__workflow_signals__ == {"s": "on_signal"}
    assert marked.__workflow_queries__ == {"other": "ask"}
    assert marked.__workflow_updates__ == {}


def test_an_override_must_be_a_plain_method_too() -> None:
    class Parent:
        @workflow.signal("s")
        def on_signal(self) -> None: ...

    class Child(Parent):
        async def on_signal(self) -> None: ...  # type: ignore[override]  # the mistake itself

    with pytest.raises(workflow.InvalidWorkflowDefinition, match="on_signal must be a plain"):
        workflow.defn(name="async-override")(Child)


def test_decorators_return_the_method_itself() -> None:
    def method(self: Any) -> None: ...

    assert workflow.signal("s")(method) is method
    assert workflow.update("u")(method) is method
    marked: Any = method
    assert (marked.__signal_name__, marked.__update_name__) == ("s", "u")


def test_static_and_class_methods_are_handlers_too() -> None:
    @workflow.defn(name="static")
    class Static:
        @staticmethod
        @workflow.query("q")
        def ask() -> None: ...

        @classmethod
        @workflow.signal("s")
        def on_signal(cls) -> None: ...

    marked: Any = Static
    assert marked.__workflow_queries__ == {"q": "ask"}
    assert marked.__workflow_signals__ == {"s": "on_signal"}


def test_registry_is_a_copy_in_which_the_last_definition_wins() -> None:
    @workflow.defn(name="twice")
    class First: ...

    @workflow.defn(name="twice")
    class Second: ...

    workflow.registry().clear()
    assert workflow.registry()["twice"] is Second


def test_name_is_keyword_only() -> None:
    with pytest.raises(TypeError):
        workflow.defn("positional")  # type: ignore[call-overload]


@pytest.mark.parametrize("mark", [workflow.signal, workflow.update, workflow.update_validator])
def test_handlers_that_would_never_run_are_refused(mark: Any) -> None:
    class Coroutine:
        @mark("x")  # type: ignore[untyped-decorator]
        async def handler(self) -> None: ...

    class Generator:
        @mark("x")  # type: ignore[untyped-decorator]
        def handler(self) -> Any:
            yield

    for cls in (Coroutine, Generator):
        with pytest.raises(workflow.InvalidWorkflowDefinition, match="must be a plain method"):
            workflow.defn(name="refused")(cls)
    assert issubclass(workflow.InvalidWorkflowDefinition, DurableWorkflowError)
    assert issubclass(workflow.InvalidWorkflowDefinition, ValueError)
    assert "refused" not in workflow.registry()


def test_a_query_may_be_a_coroutine() -> None:
    @workflow.defn(name="async-query")
    class AsyncQuery:
        @workflow.query("q")
        async def ask(self) -> None: ...

    marked: Any = AsyncQuery
    assert marked.__workflow_queries__ == {"q": "ask"}


@pytest.mark.parametrize(
    "decorate", [workflow.signal, workflow.query, workflow.update, workflow.update_validator]
)
def test_a_receiver_with_a_private_name_is_refused_where_it_is_decorated(decorate: Any) -> None:
    def _on(self: Any) -> None: ...

    with pytest.raises(workflow.InvalidWorkflowDefinition, match="_on cannot receive"):
        decorate("x")(_on)


def test_a_receiver_under_a_private_attribute_is_refused_with_its_class() -> None:
    def on(self: Any) -> None: ...

    with pytest.raises(workflow.InvalidWorkflowDefinition, match=r"Hidden\._on cannot receive"):
        workflow.defn(name="hidden")(type("Hidden", (), {"_on": workflow.signal("x")(on)}))


def test_without_a_name_the_class_and_its_methods_give_theirs() -> None:
    @workflow.defn
    class Ordering:
        @workflow.signal
        def approve(self, by: str) -> None: ...

        @workflow.query
        def status(self) -> None: ...

        @workflow.query
        async def waiting(self) -> None: ...

        @workflow.update
        def change(self) -> None: ...

        @change.validator
        def check(self) -> None: ...

        @workflow.signal()
        def again(self) -> None: ...

        @workflow.query()
        def also(self) -> None: ...

        @workflow.update()
        def amend(self) -> None: ...

        @amend.validator
        def check_amend(self) -> None: ...

        @workflow.query
        @staticmethod
        def fixed() -> int:
            return 1

    marked: Any = Ordering
    assert marked.__name__ == "Ordering"
    assert workflow.registry()["Ordering"] is Ordering
    assert marked.__workflow_signals__ == {"approve": "approve", "again": "again"}
    assert sorted(marked.__workflow_queries__) == ["also", "fixed", "status", "waiting"]
    assert marked.__workflow_updates__ == {"change": "change", "amend": "amend"}
    assert marked.__workflow_update_validators__ == {"change": "check", "amend": "check_amend"}

    @workflow.defn()
    class Called: ...

    assert workflow.registry()["Called"] is Called


@pytest.mark.parametrize(
    ("decorate", "cure"),
    [
        (lambda: workflow.defn("order"), '@workflow.defn(name="order")'),  # type: ignore[call-overload]
        (lambda: workflow.defn(name=1)(object), "must be a string, not 1"),  # type: ignore[call-overload]
        (lambda: workflow.defn(name="f")(len), "decorates a class"),  # type: ignore[arg-type]
        (lambda: workflow.signal(1), "must be a string, not 1"),  # type: ignore[call-overload]
        (lambda: workflow.query(dict), "must be a string, not <class 'dict'>"),
        (lambda: workflow.update(b"u"), "must be a string, not b'u'"),  # type: ignore[call-overload]
        (lambda: workflow.signal(lambda self: None), "has no name of its own"),
        (lambda: workflow.query("q")(property(len)), "takes no attributes"),  # type: ignore[type-var]
        (lambda: workflow.update_validator(len), "@the_update.validator"),  # type: ignore[arg-type]
    ],
)
def test_a_decorator_that_is_used_wrongly_names_the_cure(decorate: Any, cure: str) -> None:
    with pytest.raises(TypeError) as raised:
        decorate()
    assert cure in str(raised.value)


def test_a_bare_receiver_with_a_private_name_is_refused() -> None:
    with pytest.raises(workflow.InvalidWorkflowDefinition, match="begins with an underscore"):

        @workflow.signal
        def _hidden(self: Any) -> None: ...


@pytest.mark.parametrize(
    ("decorate", "what"),
    [
        (workflow.signal("it"), "handler of signal 'it'"),
        (workflow.query("it"), "handler of query 'it'"),
        (workflow.update("it"), "handler of update 'it'"),
        (workflow.update_validator("it"), "validator of update 'it'"),
    ],
)
def test_two_methods_for_one_name_are_refused(decorate: Any, what: str) -> None:
    def one(self: object) -> None: ...
    def two(self: object) -> None: ...

    twice = type("Twice", (), {"one": decorate(one), "two": decorate(two)})
    with pytest.raises(
        workflow.InvalidWorkflowDefinition, match=f"Twice.one and Twice.two are both the {what}: "
    ):
        workflow.defn(name="twice")(twice)


def test_an_alias_of_a_handler_is_the_same_handler() -> None:
    @workflow.defn(name="alias")
    class Aliased:
        @workflow.signal("it")
        def one(self) -> None: ...

        two = one

    marked: Any = Aliased
    assert marked.__workflow_signals__ == {"it": "two"}


@pytest.mark.parametrize("inherited", ["a_handler", "z_handler"])
def test_a_handler_takes_the_place_of_an_inherited_one_whatever_their_names(inherited: str) -> None:
    def of_parent(self: object) -> None: ...

    parent = type("Parent", (), {inherited: workflow.signal("it")(of_parent)})

    @workflow.defn(name="heir")
    class Child(parent):  # type: ignore[valid-type, misc]
        @workflow.signal("it")
        def handler(self) -> None: ...

    marked: Any = Child
    assert marked.__workflow_signals__ == {"it": "handler"}
