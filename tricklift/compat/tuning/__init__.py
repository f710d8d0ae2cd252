"""What makes training on a CPU faster and changes no result: a hook of every run applies it.

`memory`: freed memory stays with the process. `small_maps`: 3x3 convolutions on maps of a few
positions. (`compat.ops.roi_average` is a kernel like others and stands with them.)
"""
