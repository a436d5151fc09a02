"""Every session follows the same rules, whichever folder it starts from."""

from session_rules import pytest_configure as pytest_configure
from session_rules import spec_data as spec_data
