"""`python -m durable_workflow.replay_verify`."""

import sys

from durable_workflow.replay_verify import main

sys.exit(main())
