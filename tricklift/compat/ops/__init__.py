"""Stand-ins for the compiled ops of mmcv 2.1, one file a family.

Each function has the signature that `mmcv/ops/*.py` calls (out-tensors are filled in place) and
works on any device that torchvision's kernels or plain torch serve. bfloat16 and float16 inputs
are computed in float32: torchvision has no such CPU kernels, and coordinates need the mantissa.
"""
