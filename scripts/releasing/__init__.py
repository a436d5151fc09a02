"""A release: one version in every place that states it, and the changelog from its fragments."""
