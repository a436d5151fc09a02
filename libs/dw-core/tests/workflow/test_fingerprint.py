"""Fingerprints depend on what a predicate says, and on nothing else."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import functools
import linecache
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from durable_workflow.workflow._fingerprint import predicate_fingerprint


@pytest.fixture
def compiled(tmp_path: Any) -> Any:
    """Compile source as a module of a fixed name and return what it defines."""
    count = iter(range(1000))

    def compile_source(source: Any) -> Any:
        path = tmp_path / f"module_{next(count)}.py"
        path.write_text(textwrap.dedent(source))
        linecache.checkcache(str(path))
        namespace = {"__name__": "user_module"}
        exec(compile(path.read_text(), str(path), "exec"), namespace)
        return namespace

    return compile_source


def fingerprints(compiled: Any, *sources: Any) -> Any:
    return [predicate_fingerprint(compiled(source)["predicate"]) for source in sources]


def test_layout_and_comments_do_not_matter(compiled: Any) -> None:
    first, second, third = fingerprints(
        compiled,
        "predicate = lambda: state['a'] >= 1\n",
        "# moved down\n\npredicate = lambda:   state['a']  >=  1  # why\n",
        "predicate = (lambda:\n    state['a'] >= 1)\n",
    )
    assert first == second == third
    assert first.startswith("sha256:v2:")
    assert len(first) == len("sha256:v2:") + 64


def test_what_is_said_matters(compiled: Any) -> None:
    prints = fingerprints(
        compiled,
        "predicate = lambda: a >= 1\n",
        "predicate = lambda: a <= 1\n",
        "predicate = lambda: a >= 2\n",
        "predicate = lambda: b >= 1\n",
        "def predicate():\n    return a >= 1\n",
    )
    assert len(set(prints)) == len(prints)


def test_two_lambdas_on_one_line_differ(compiled: Any) -> None:
    module = compiled("pair = [lambda: a, lambda: b]; other = (lambda: a, 1)\n")
    assert predicate_fingerprint(module["pair"][0]) != predicate_fingerprint(module["pair"][1])
    assert predicate_fingerprint(module["pair"][0]) == predicate_fingerprint(module["other"][0])


def test_a_lambda_is_cut_out_of_its_call(compiled: Any) -> None:
    one, two = fingerprints(
        compiled,
        "predicate = dict(p=lambda: len(log) > 1, timeout=5)['p']\n",
        "predicate = dict(p=lambda: len(log) > 1, timeout=60, key='x')['p']\n",
    )
    assert one == two


def test_a_lambda_inside_a_lambda(compiled: Any) -> None:
    one, two = fingerprints(
        compiled,
        "predicate = lambda: any(map(lambda x: x > 1, log))\n",
        "predicate = lambda: any(map(lambda x: x > 2, log))\n",
    )
    assert one != two
    module = compiled("make = lambda: (lambda: a)\npredicate = make()\n")
    assert predicate_fingerprint(module["predicate"]) != predicate_fingerprint(module["make"])


def test_lambda_arguments_do_not_end_it(compiled: Any) -> None:
    one, two = fingerprints(
        compiled,
        "predicate = lambda x=[1, 2], *y: x[0:1]\n",
        "predicate = lambda x=[1, 2], *y: x[0:2]\n",
    )
    assert one != two


def test_methods_partials_and_callables(compiled: Any) -> None:
    module = compiled(
        """
        import functools
        class Workflow:
            def ready(self):
                return self.x
        class Callable:
            def __call__(self):
                return True
        def check(n):
            return n
        """
    )
    bound = module["Workflow"]().ready
    assert predicate_fingerprint(bound) == predicate_fingerprint(module["Workflow"]().ready)
    partial = functools.partial(module["check"], 1)
    assert predicate_fingerprint(partial) == predicate_fingerprint(module["check"])
    callables = {predicate_fingerprint(module["Callable"]()) for _ in range(3)}
    assert len(callables) == 1


def test_without_source_only_the_name_is_known() -> None:
    namespace: dict[str, Any] = {"__name__": "console"}
    exec("predicate = lambda: a\nother = lambda: b", namespace)
    first = predicate_fingerprint(namespace["predicate"])
    assert first == predicate_fingerprint(namespace["other"])
    assert first.startswith("sha256:v2-name:")


def test_where_the_code_lives_does_not_matter(tmp_path: Any) -> None:
    source = """
        import functools
        class {name}:
            def ready(self):
                return self.x
            def predicates(self):
                def check(n):
                    return self.x > n
                return [lambda: self.x, self.ready, functools.partial(check, 1), Always()]
        class Always:
            def __call__(self):
                return True
        """

    def prints(module: Any, name: Any) -> Any:
        path = tmp_path / f"{module}.py"
        path.write_text(textwrap.dedent(source.format(name=name)))
        namespace = {"__name__": module}
        exec(compile(path.read_text(), str(path), "exec"), namespace)
        made: Any = namespace[name]
        return [predicate_fingerprint(predicate) for predicate in made().predicates()]

    first = prints("orders", "Order")
    assert first == prints("shop.flows", "Purchase")
    assert len(set(first)) == 4


def test_without_source_the_class_is_not_known_either() -> None:
    namespace: dict[str, Any] = {"__name__": "console"}
    exec("class A:\n def ready(self): ...\nclass B:\n def ready(self): ...", namespace)
    first, second = (predicate_fingerprint(namespace[name]().ready) for name in "AB")
    assert first == second


def test_the_key_is_part_of_it(compiled: Any) -> None:
    predicate = compiled("predicate = lambda: a\n")["predicate"]
    prints = [predicate_fingerprint(predicate, key) for key in (None, "a", "b")]
    assert len(set(prints)) == 3


def test_another_process_computes_the_same(tmp_path: Any) -> Any:
    """Sets, nested code and hash seeds: nothing of an interpreter's life may get in."""
    (tmp_path / "flow.py").write_text(
        "predicate = lambda: {'a', 'b', 'c'} >= {x for x in log if (lambda y: y)(x)}\n"
    )
    program = (
        "import flow\n"
        "from durable_workflow.workflow._fingerprint import predicate_fingerprint\n"
        "print(predicate_fingerprint(flow.predicate))\n"
    )

    def run(seed: Any) -> Any:
        return subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert run("1") == run("2") != ""
