"""The baseline recipe cut to 6 epochs for MiniWorld, in bfloat16 throughout.

Rate 0.02 at 64 images a step (without warmup a higher one stays at chance for most of so short a
schedule), divided by 10 at 4 and 5; weight decay 5e-4.
"""

_base_ = "cls_small.py"
optim_wrapper = dict(optimizer=dict(lr=0.02))
param_scheduler = [dict(type="MultiStepLR", by_epoch=True, milestones=[4, 5], gamma=0.1)]
train_cfg = dict(max_epochs=6, val_interval=6)
