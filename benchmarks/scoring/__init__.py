"""The scoring runtime beside other scoring servers: `make bench-scoring`, or `python -m benchmarks.scoring --help`."""
