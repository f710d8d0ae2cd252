"""The rate rises from 0 in each iteration of the first epochs. Source: section 3.1.

mmengine wants a factor above 0 to start from: 1e-10 of the rate.
"""

from tricklift.errors import UserError

tasks = ("cls",)
if "warmup_epochs" not in base:
    raise UserError(
        "trick 'warmup': this config does not say for how many epochs; add warmup_epochs = 5, or "
        "leave it out where the config has a warmup of its own"
    )
param_scheduler = [
    dict(
        type="LinearLR",
        start_factor=1e-10,
        by_epoch=True,
        begin=0,
        end=base.warmup_epochs,
        convert_to_iter_based=True,
    ),
    *base.param_scheduler,
]
