"""Order processing: a workflow of several activities, with retries, a durable timer and a fan-out.

See README.md beside this file. What an order ends in depends on the order alone, never on how often
something had to be tried: `orders.expected_result` says what that is.
"""
