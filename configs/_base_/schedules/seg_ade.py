"""The paper's ADE20K schedule: 120 epochs of 1,263 iterations at batch 16, lr 0.01, poly 0.9.

Heads learn with 10 x lr. The learning rate is scaled where the batch is another one.
"""

max_iters = 151_560
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=12_630)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=max_iters, by_epoch=False)
]
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(
        custom_keys={"decode_head": dict(lr_mult=10.0), "auxiliary_head": dict(lr_mult=10.0)}
    ),
)
auto_scale_lr = dict(enable=True, base_batch_size=16)  # of train_dataloader.batch_size x GPUs
