"""Fan-out with progress: many activities side by side, and a query that tells how far they are."""
