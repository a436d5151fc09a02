"""The check of built wheels: what they hold, and that each works alone in an empty environment.

Nothing is taken from a public index by one of our names: our own wheels are installed by file, and
what others publish comes from a wheelhouse that is downloaded once.
"""
