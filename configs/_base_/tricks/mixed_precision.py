"""FP16 with an FP32 master copy and a dynamic loss scale, in channels-last. Source: section 3.2.

A schedule in mixed precision keeps its own dtype: mini and small say bfloat16 for all their rows,
and there the trick changes nothing. Channels-last is the layout of tensor cores; the paper does not
name one.
"""

already = base.optim_wrapper.get("type") == "AmpOptimWrapper"
optim_wrapper = dict(
    type="AmpOptimWrapper",
    loss_scale="dynamic",
    dtype=base.optim_wrapper.get("dtype", "float16"),
)
if base.model.get("type") == "ImageClassifier":
    model = dict(channels_last=True)
elif base.model.backbone.get("type") == "TrickBackbone":
    model = dict(backbone=dict(channels_last=True))
