"""External payloads: large values in a store of your own, and only references in the history."""
