"""Scheduled report: a schedule that starts a workflow each working day; fired by hand, paused."""
