"""What a durable workflow costs on this machine: scripts/benchmark prints it. Never a test."""
