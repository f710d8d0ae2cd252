"""What the paper says: its numbers, the cells of its tables with our configs, and their cost."""

from tricklift.paper.numbers import (
    TRANSFER_TABLES,
    UNVERIFIED,
    source,
    table,
    transfer,
    transfer_rows,
)

__all__ = ["TRANSFER_TABLES", "UNVERIFIED", "source", "table", "transfer", "transfer_rows"]
