"""What the gateway's call log and the observer's samples say: lines, receiver, latency buckets, rows, and what is read from them."""
