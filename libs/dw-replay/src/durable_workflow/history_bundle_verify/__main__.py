"""`python -m durable_workflow.history_bundle_verify`."""

import sys

from durable_workflow.history_bundle_verify import main

sys.exit(main())
