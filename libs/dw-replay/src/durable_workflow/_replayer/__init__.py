"""Replaying recorded histories of several workflow types, and what a recording says of its run."""

from durable_workflow._replayer.recording import Recording, read_recording
from durable_workflow._replayer.replayer import Registry, Replayer, type_name

__all__ = ["Recording", "Registry", "Replayer", "read_recording", "type_name"]

Replayer.__module__ = "durable_workflow.workflow"  # where users import it from
