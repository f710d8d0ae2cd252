"""From a tier to finished runs: its jobs, in order and at once, each in a process of its own."""
