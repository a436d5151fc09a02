"""Bodies and query strings of the wire, read into the requests of the services.

Every function here takes what came and gives the request, or raises `Invalid` with a text for each
field that does not fit, all of them at once.
"""
