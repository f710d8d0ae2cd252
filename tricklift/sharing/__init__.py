"""A trained backbone for others: a folder with its weights, config, results and card; the hub."""
