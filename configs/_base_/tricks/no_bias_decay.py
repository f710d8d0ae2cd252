"""Weight decay on the weights of convolutions and the head alone. Source: section 3.1.

For classifiers: mmengine drops these rules for what `custom_keys` name, as the segmenters' heads.
"""

tasks = ("cls",)
optim_wrapper = dict(paramwise_cfg=dict(bias_decay_mult=0.0, norm_decay_mult=0.0))
