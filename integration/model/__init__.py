"""The API against a small model of it, in orders that hypothesis chooses."""
