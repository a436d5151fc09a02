"""What differs between our public names and the published ones, name by name.

Further names and methods are no differences: a program that was written for the published names
never meets them. Further parameters and fields are, because a subclass or a fake may.
"""

import dataclasses
import importlib
import importlib.util
import inspect
import json
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, cast

Entries = dict[str, Any]

# A default that is made anew for each object; which function makes it is not published.
_FACTORY = "<factory>"
_MODULE = re.compile(r"\b(?:[a-z_][\w]*\.)+(?=[A-Za-z_])")
_ROOT = "durable_workflow"
# Constants that have the version in them.
_OF_THE_RELEASE = {"client.DEFAULT_SDK_VERSION"}


@dataclasses.dataclass(frozen=True, order=True)
class Difference:
    """One difference.

    Attributes:
        name: The name below `durable_workflow`; a parameter in parentheses, as
            `client.Client.get_result(timeout)`.
        what: What is there, and what was published.
    """

    name: str
    what: str


def differences(published: dict[str, Entries]) -> list[Difference]:
    """Every difference, sorted by name.

    Args:
        published: The published names of each module, by the module's full name.
    """
    found: set[Difference] = set()
    published = _without_aliases(published)
    for module, entries in published.items():
        short = module.removeprefix(_ROOT).removeprefix(".")
        if importlib.util.find_spec(module) is None:
            found.add(Difference(short, "is not there"))
            continue
        ours = importlib.import_module(module)
        for name, entry in entries.items():
            label = f"{short}.{name}" if short else name
            if not _has(ours, name):
                found.add(Difference(label, "is not there"))
            elif short:  # the package itself re-exports what its modules have
                found.update(_of_one(label, getattr(ours, name), entry))
    return sorted(found)


def compared(published: dict[str, Entries]) -> dict[str, int]:
    """How many names, parameters and fields are compared."""
    entries = [entry for names in published.values() for entry in names.values()]
    methods = [method for entry in entries for method in entry.get("methods", {}).values()]
    return {
        "names": len(entries),
        "methods": len(methods),
        "parameters": sum(len(each.get("parameters", ())) for each in [*entries, *methods]),
        "fields": sum(len(entry.get("fields", ())) for entry in entries),
    }


def _has(module: ModuleType, name: str) -> bool:
    try:
        getattr(module, name)
    except (AttributeError, ImportError):  # of a wheel that is not there
        return False
    return True


def _without_aliases(published: dict[str, Entries]) -> dict[str, Entries]:
    """The published names with all annotations in their long form, as ours are when read."""
    aliases = {
        name: entry["value"]
        for entries in published.values()
        for name, entry in entries.items()
        if entry["kind"] == "type alias" and "value" in entry
    }
    word = re.compile(r"\b(" + "|".join(map(re.escape, aliases)) + r")\b")

    def expanded(text: str) -> str:
        text = annotated(text)
        while (longer := word.sub(lambda found: annotated(aliases[found[0]]), text)) != text:
            text = longer
        return text

    def walked(value: Any) -> Any:
        if isinstance(value, dict):
            members = cast("Entries", value).items()
            return {
                key: expanded(each) if key == "annotation" else walked(each)
                for key, each in members
            }
        if isinstance(value, list):
            items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
            return [*map(walked, items)]
        return value

    result: dict[str, Entries] = walked(published)
    return result


def _of_one(label: str, ours: Any, entry: Entries) -> Iterator[Difference]:
    kind = entry["kind"]
    if kind == "constant":
        yield from _constant(label, ours, entry)
    elif kind in ("function", "async function"):
        yield from _callable(label, ours, entry)
    elif kind in ("class", "exception", "protocol"):
        yield from _class(label, ours, entry)


def _constant(label: str, ours: Any, entry: Entries) -> Iterator[Difference]:
    if label in _OF_THE_RELEASE:
        return
    # Tuples and sets are published as lists, a set in order.
    value = json.loads(json.dumps(ours, default=sorted))
    if value != entry["value"]:
        yield Difference(label, f"is `{value}`, published `{entry['value']}`")
    if type(ours).__name__ != entry["type"]:
        yield Difference(label, f"is a {type(ours).__name__}, published a {entry['type']}")


def _callable(label: str, ours: Any, entry: Entries) -> Iterator[Difference]:
    yield from _parameters(label, ours, entry["parameters"])
    ours_is_async = inspect.iscoroutinefunction(ours) or inspect.isasyncgenfunction(ours)
    if ours_is_async != ("async" in entry["kind"]):
        yield Difference(label, f"is {'async' if ours_is_async else 'not async'}")


def _class(label: str, ours: Any, entry: Entries) -> Iterator[Difference]:
    if "parameters" in entry:
        yield from _parameters(label, ours, entry["parameters"])
    for method, details in entry.get("methods", {}).items():
        try:
            found = inspect.getattr_static(ours, method)
        except AttributeError:
            yield Difference(f"{label}.{method}", "is not there")
            continue
        yield from _callable(f"{label}.{method}", getattr(found, "__func__", found), details)
    for attribute in entry.get("properties", {}):
        if not isinstance(inspect.getattr_static(ours, attribute, None), property):
            yield Difference(f"{label}.{attribute}", "is no property")
    if "dataclass" in entry:
        yield from _dataclass(label, ours, entry)
    bases = {base.__name__ for base in ours.__mro__}
    for base in entry.get("mro", ()):
        if base not in bases:
            yield Difference(label, f"is no {base}")
    if entry.get("defined_in") and ours.__module__ != entry["defined_in"]:
        yield Difference(label, f"says that it lives in `{ours.__module__}`")


def _dataclass(label: str, ours: Any, entry: Entries) -> Iterator[Difference]:
    if not dataclasses.is_dataclass(ours):
        yield Difference(label, "is no dataclass")
        return
    names = [field.name for field in dataclasses.fields(ours)]
    published = [field["name"] for field in entry["fields"]]
    if names[: len(published)] != published:
        yield Difference(label, f"has the fields {_listed(names)}")
    elif further := names[len(published) :]:
        yield Difference(label, f"has {_listed(further)} too")
    ways: Any = vars(ours)["__dataclass_params__"]
    for way in ("frozen", "eq"):
        if getattr(ways, way) != entry["dataclass"][way]:
            yield Difference(label, f"is {'' if getattr(ways, way) else 'not '}{way}")


def _parameters(label: str, ours: Any, published: list[Entries]) -> Iterator[Difference]:
    found = dict(inspect.signature(ours).parameters)
    names = [entry["name"] for entry in published if entry["name"] not in ("self", "cls")]
    ours_names = [name for name in found if name not in ("self", "cls")]
    if further := [name for name in ours_names if name not in names]:
        # The fields of a dataclass are its parameters.
        if not dataclasses.is_dataclass(ours):
            yield Difference(label, f"takes {_listed(further)} too")
        for name in further:
            if (
                found[name].default is inspect.Parameter.empty
                and found[name].kind.name[:3] != "VAR"
            ):
                yield Difference(f"{label}({name})", "has to be given")
    ordered = [e["name"] for e in published if e["kind"] != "KEYWORD_ONLY" and e["name"] in names]
    positional = [
        name
        for name in ours_names
        if found[name].kind.name != "KEYWORD_ONLY" and name in names and name in ordered
    ]
    if positional != ordered:
        yield Difference(label, f"takes by position {_listed(positional)}")
    for entry in published:
        name = entry["name"]
        if name not in names:
            continue
        if name not in found:
            yield Difference(f"{label}({name})", "is not there")
            continue
        yield from _parameter(f"{label}({name})", ours, found[name], entry)


def _parameter(
    label: str, ours: Any, parameter: inspect.Parameter, entry: Entries
) -> Iterator[Difference]:
    if parameter.kind.name != entry["kind"]:
        yield Difference(label, f"is {_words(parameter.kind.name)}, not {_words(entry['kind'])}")
    default = "" if parameter.default is parameter.empty else repr(parameter.default)
    wanted = str(entry.get("default", ""))
    if wanted != _FACTORY:
        # A default may be published as the name of a constant of the module.
        constant = getattr(inspect.getmodule(ours), wanted, None) if wanted.isidentifier() else None
        wanted = wanted if constant is None or wanted == "None" else repr(constant)
        if default != wanted:
            yield Difference(label, f"{_defaulting(default)}, published {_defaulting(wanted)}")
    elif not default:
        yield Difference(label, "has no default")
    annotation, published = annotated(parameter.annotation), str(entry.get("annotation", ""))
    if published and annotation and annotation != published:
        yield Difference(label, f"is `{annotation}`, published `{published}`")


def annotated(given: Any) -> str:
    """An annotation in the words of the published names: classes without their modules."""
    if given is inspect.Parameter.empty:
        return ""
    is_plain_class = inspect.isclass(given) and not getattr(given, "__args__", None)
    name = given if isinstance(given, str) else given.__name__ if is_plain_class else str(given)
    name = re.sub("[~'\"]", "", _MODULE.sub("", name))
    # Wherever seconds are taken, a timedelta is too.
    name = name.replace("float | timedelta", "float").replace("int | timedelta", "int")
    # And wherever text is a moment, a datetime is.
    name = name.replace("str | datetime", "str")
    return re.sub(r"\s+", " ", name)


def _words(kind: str) -> str:
    return kind.lower().replace("_", " ")


def _defaulting(default: str) -> str:
    return f"defaults to `{default}`" if default else "has no default"


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
