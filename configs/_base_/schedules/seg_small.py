"""Some minutes on a core: 450 iterations, poly 0.9, heads with 10 x lr, bfloat16.

One schedule for every row; batch norm trains in each.
"""

max_iters = 450
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=max_iters)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=max_iters, by_epoch=False)
]
optim_wrapper = dict(
    type="AmpOptimWrapper",
    dtype="bfloat16",
    optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=1e-4, fused=True),
    paramwise_cfg=dict(
        custom_keys={"decode_head": dict(lr_mult=10.0), "auxiliary_head": dict(lr_mult=10.0)}
    ),
)
