"""The collector of a process of ours: what is loaded stays out of it, and cycles still go."""

import subprocess
import sys

PROGRAM = """
import gc
from durable_workflow._garbage import collect_rarely

collect_rarely()
assert gc.get_freeze_count() > 1000, gc.get_freeze_count()
class Node: pass
seen = []
import weakref
for _ in range(40_000):
    node = Node()
    node.itself = node
    seen.append(weakref.ref(node))
    if len(seen) > 30_000:
        break
assert any(each() is None for each in seen), "nothing was collected"
print(gc.get_threshold()[0])
"""


def test_a_process_of_ours_collects_rarely_and_still_frees_cycles() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 10_000
