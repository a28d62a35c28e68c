"""Pages at scale: see `python -m benchmarks.pages --help`."""
