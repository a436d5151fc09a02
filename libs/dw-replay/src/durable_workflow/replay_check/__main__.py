"""`python -m durable_workflow.replay_check`."""

import sys

from durable_workflow.replay_check import main

if __name__ == "__main__":  # a process that checks imports it again
    sys.exit(main())
