"""`python -m durable_workflow.worker` is the command `dw-worker`."""

import sys

from durable_workflow.worker._command import main

if __name__ == "__main__":
    sys.exit(main())
