"""Mixup with alpha 0.2, and 200 epochs in the place of 120. Source: section 5.4.

One lambda a batch, as in the paper; --cfg-options +model.mixup.per=image draws one an image. Steps
of the rate move with the length; the paper has mixup with cosine alone.
"""

tasks = ("cls",)
_longer = 200 / 120
model = dict(mixup=dict(alpha=0.2))
train_cfg = dict(max_epochs=round(base.train_cfg.max_epochs * _longer))
param_scheduler = [
    {**_step, "milestones": [round(_longer * _epoch) for _epoch in _step["milestones"]]}
    if _step["type"] == "MultiStepLR"
    else _step
    for _step in base.get("param_scheduler", [])
]
