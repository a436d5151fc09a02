"""Approval: a workflow that waits for a person, who decides by an update that is checked first."""
