"""Tables of requests that a server must refuse. A new route is new rows here, and nothing else."""
