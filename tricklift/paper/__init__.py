"""What the paper says: its numbers, the cells of its tables with our configs, and their cost."""
