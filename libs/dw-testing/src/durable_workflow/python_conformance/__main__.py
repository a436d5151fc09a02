"""`python -m durable_workflow.python_conformance`."""

import sys

from durable_workflow.python_conformance._command import main

sys.exit(main())
