"""Some minutes on a core: 7 epochs, cosine after a short linear warmup, bfloat16.

One schedule for every row; batch norm trains in each, since frozen statistics of a random network
would cripple the random-init row. Validation once, at the end.
"""

max_epochs = 7
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=max_epochs)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type="CosineAnnealingLR", T_max=max_epochs, end=max_epochs, convert_to_iter_based=True),
]
optim_wrapper = dict(
    type="AmpOptimWrapper",
    dtype="bfloat16",
    optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=1e-4, fused=True),
    clip_grad=dict(max_norm=35),
)
