"""The one version of every wheel of this project."""

__version__ = "1.0.0"
