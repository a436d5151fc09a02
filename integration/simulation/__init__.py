"""Server, workers and clients in one seeded event loop, with a clock and a network of its own.

The product's code runs as it is. What a seed decides is the network, the disk, who is killed when,
and what the programs are; the same seed gives the same run, byte for byte.

`python -m integration.simulation --seeds 0:2000` runs many.
"""
