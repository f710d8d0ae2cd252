"""Half precision with an FP32 master copy. Source: section 3.2.

FP16 with a dynamic loss scale on CUDA; bfloat16, which needs no scaling, on the CPU. The schedules
of mini and small say bfloat16 for all their rows: there the trick changes nothing, on any device.
"""

already = base.optim_wrapper.get("type") == "AmpOptimWrapper"
optim_wrapper = dict(type="AmpOptimWrapper", loss_scale="dynamic")
