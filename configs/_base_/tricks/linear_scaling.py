"""Learning rate in proportion to the images a step. Source: arXiv:1812.01187, section 3.1."""

from tricklift.errors import UserError

if "base_batch_size" not in base.get("auto_scale_lr", {}):
    raise UserError(
        "trick 'linear_scaling': this config does not say at how many images a step its rate is "
        "meant; add auto_scale_lr=dict(base_batch_size=...)"
    )
auto_scale_lr = dict(enable=True)
