"""What the gateway's call log says: its lines, its receiver, and latencies in fixed buckets."""
