"""Minutes of good and hostile traffic at full speed through a gateway and its replica: `python -m benchmarks.soak`."""
