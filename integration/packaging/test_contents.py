"""What the check of wheels says about files that are not what they must be."""

import zipfile
from pathlib import Path

import pytest
from wheel_checks.contents import (
    CheckFailed,
    check_contents,
    read_wheel,
    required_name,
    without_extra,
)

METADATA = """\
Metadata-Version: 2.4
Name: {name}
Version: 1.0.0
Summary: A wheel
License-Expression: MIT
License-File: LICENSE
Project-URL: Homepage, https://example.org
Project-URL: Documentation, https://example.org/docs
Project-URL: Changelog, https://example.org/changes
Requires-Python: >=3.11
Description-Content-Type: text/markdown
{more}
# A wheel
"""

FILES = {
    "dw-core": ["__init__.py", "py.typed", "workflow/__init__.py", "workflow/py.typed"],
    "dw-client": ["client/__init__.py", "client/py.typed"],
}


def build(
    folder: Path, name: str, *, files: list[str] | None = None, without: str = "", tag: str = ""
) -> Path:
    """Write a wheel that is right but for what the arguments say."""
    tag = tag or "py3-none-any"
    escaped = name.replace("-", "_")
    more = "" if name == "dw-core" else "Requires-Dist: dw-core>=1.0,<2\n"
    info = f"{escaped}-1.0.0.dist-info"
    lines = METADATA.format(name=name, more=more).splitlines(keepends=True)
    kept = "".join(line for line in lines if not (without and without in line))
    path = folder / f"{escaped}-1.0.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file in FILES[name] if files is None else files:
            archive.writestr(f"durable_workflow/{file}", "")
        archive.writestr(f"{info}/METADATA", kept)
        archive.writestr(
            f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"
        )
        if without != "LICENSE":
            archive.writestr(f"{info}/licenses/LICENSE", "MIT")
    return path


def check(*paths: Path) -> None:
    check_contents([read_wheel(path) for path in paths])


def test_wheels_that_are_as_they_must_be_pass(tmp_path: Path) -> None:
    check(build(tmp_path, "dw-core"), build(tmp_path, "dw-client"))


@pytest.mark.parametrize(
    ("without", "problem"),
    [
        ("# A wheel", "no README"),
        ("Content-Type", "a README of no stated kind"),
        ("Summary", "no summary"),
        ("License-Expression", "no licence expression"),
        ("LICENSE", "no licence text"),
        ("Changelog", "no link to the changelog"),
        ("Requires-Python", "no Requires-Python"),
        ("Requires-Dist", "must require"),
    ],
)
def test_a_wheel_whose_metadata_lacks_something_is_refused(
    tmp_path: Path, without: str, problem: str
) -> None:
    with pytest.raises(CheckFailed, match=problem) as caught:
        check(build(tmp_path, "dw-core"), build(tmp_path, "dw-client", without=without))
    assert "dw-client" in str(caught.value)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (["client/__init__.py"], "ships durable_workflow/client/ without py.typed"),
        (["_hidden/__init__.py"], "ships durable_workflow/_hidden/ without py.typed"),
        (["__init__.py"], "belongs to dw-core alone"),
        (["workflow/__init__.py", "workflow/py.typed"], "shipped by more than one wheel"),
    ],
)
def test_a_wheel_with_the_wrong_files_is_refused(
    tmp_path: Path, files: list[str], problem: str
) -> None:
    with pytest.raises(CheckFailed, match=problem):
        check(build(tmp_path, "dw-core"), build(tmp_path, "dw-client", files=files))


def test_a_file_outside_the_import_package_is_refused(tmp_path: Path) -> None:
    wheel = build(tmp_path, "dw-client")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("elsewhere.py", "")
    with pytest.raises(CheckFailed, match=r"ships elsewhere\.py, outside the import package"):
        check(build(tmp_path, "dw-core"), wheel)


def test_a_wheel_that_is_not_pure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="not a pure Python wheel"):
        check(build(tmp_path, "dw-core", tag="cp311-cp311-linux_x86_64"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("avro<2,>=1.12", "avro<2,>=1.12"),
        ("aiohttp<4,>=3.11; extra == 'speed'", "aiohttp<4,>=3.11"),
        (
            "uvloop<1,>=0.21; (sys_platform != 'win32') and extra == 'speed'",
            "uvloop<1,>=0.21; (sys_platform != 'win32')",
        ),
        ("dw-core[speed]<2,>=1.0", "dw-core[speed]<2,>=1.0"),
    ],
)
def test_an_extra_is_taken_off_a_requirement_and_other_conditions_stay(
    line: str, expected: str
) -> None:
    assert without_extra(line) == expected
    assert required_name(line) == line.split("[")[0].split("<")[0]
