"""Half precision with an FP32 master copy. Source: section 3.2.

FP16 with a dynamic loss scale on CUDA; bfloat16, which needs no scaling, on the CPU.
"""

optim_wrapper = dict(type="AmpOptimWrapper", loss_scale="dynamic")
