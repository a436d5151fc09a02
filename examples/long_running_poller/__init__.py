"""Long-running poller: a workflow that waits as long as it takes, and keeps its history short."""
