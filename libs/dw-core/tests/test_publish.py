from durable_workflow._publish import publish


def test_classes_and_functions_move_and_nothing_else_does() -> None:
    def function() -> None: ...

    class Moved: ...

    class Foreign: ...

    function.__module__ = Moved.__module__ = "package._part"
    Foreign.__module__ = "another"
    instance = Moved()
    namespace = {
        "__name__": "package",
        "function": function,
        "Moved": Moved,
        "Foreign": Foreign,
        "instance": instance,
        "CONSTANT": 1,
    }
    publish(namespace, [name for name in namespace if name != "__name__"] + ["absent"])
    assert (function.__module__, Moved.__module__) == ("package", "package")
    assert Foreign.__module__ == "another"
    assert vars(instance) == {}
