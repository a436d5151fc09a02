"""What CI runs side by side: each part is told apart, and one that fails fails the whole."""

import subprocess
from pathlib import Path

PARTS = """
set -euo pipefail
. "$1"
says() { echo "$1 first"; sleep 0.1; echo "$1 last"; return "$2"; }
"""


def run(root: Path, script: str) -> tuple[int, str]:
    ended = subprocess.run(
        ["bash", "-c", PARTS + script, "bash", str(root / "scripts/parts.sh")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return ended.returncode, ended.stdout


def test_a_part_that_fails_fails_the_whole_and_the_others_go_on(root: Path) -> None:
    status, said = run(
        root,
        "part one says one 0; part two says two 3; part three says three 0; part four says four 0;"
        "all_parts; echo never said",
    )
    assert status == 1
    assert "two: FAILED with 3" in said
    assert "four last" in said
    assert "never said" not in said


SLOWLY = """
printf() { builtin printf "$@" | while IFS= read -r line; do echo "$line"; sleep 0.1; done; }
"""


def test_what_a_part_says_comes_as_a_whole_however_slowly_it_is_written(root: Path) -> None:
    script = SLOWLY + "part one says one 0; part two says two 0; all_parts; echo done"
    status, said = run(root, script)
    assert status == 0
    assert "one first\none last\n" in said
    assert "two first\ntwo last\n" in said
    assert said.endswith(("s  two\ndone\n", "s  one\ndone\n"))


def test_no_more_run_at_once_than_there_is_room_for(root: Path) -> None:
    script = "runs() { mkdir $f/$1; ls $f | wc -l; sleep 0.2; rmdir $f/$1; }; f=$(mktemp -d);"
    script += "for each in 1 2 3 4 5; do part $each runs $each; done; all_parts"
    status, said = run(root, script)
    assert status == 0
    counts = {int(line) for line in said.splitlines() if line.strip().isdigit()}
    assert counts <= {1, 2}, said
