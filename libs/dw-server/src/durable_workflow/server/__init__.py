"""The server of Durable Workflow: one process, one file."""

from durable_workflow.server.clock import SkippingClock
from durable_workflow.server.embedded import embedded_server
from durable_workflow.server.settings import AuthSettings, Settings, SettingsError

__all__ = ["AuthSettings", "Settings", "SettingsError", "SkippingClock", "embedded_server"]
