"""AI agent: a model that calls tools in a loop, with a person's approval for the dangerous ones."""
