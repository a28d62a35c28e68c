"""The observer: follows replica logs, samples CPU and memory, reads the gateway's log. Scoring never waits for it."""
