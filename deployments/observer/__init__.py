"""The observer: follows replica logs, pulls collected rows, samples CPU and memory, reads the gateway's log. Scoring never waits for it."""
