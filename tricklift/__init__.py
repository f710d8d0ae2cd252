"""tricklift: how much of a classification trick survives transfer to detection and segmentation.

This package is imported at the end of every `import torch` (the autoload entry point of
`tricklift.compat.autoload` lives in it), so this file imports nothing.
"""

__version__ = "0.1.0"
