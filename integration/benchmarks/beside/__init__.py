"""The same programs on another system, in the same run on the same machine."""
