"""From result files to tables: reading, averaging, comparing, and writing pages and pictures."""
