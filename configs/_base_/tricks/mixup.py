"""Mixup with alpha 0.2, and 200 epochs in the place of 120. Source: section 5.4.

One lambda a batch, as in the paper; --cfg-options +model.mixup.per=image draws one an image.
"""

tasks = ("cls",)
model = dict(mixup=dict(alpha=0.2))
train_cfg = dict(max_epochs=round(base.train_cfg.max_epochs * 200 / 120))
