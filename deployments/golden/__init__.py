"""Golden requests: saved examples with the answers they should get, asked of every new revision before it takes traffic."""
