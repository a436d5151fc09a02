"""`python -m durable_workflow.replay_conformance`."""

import sys

from durable_workflow.replay_conformance import main

sys.exit(main())
