"""The public names of all wheels, compared with the published ones."""
