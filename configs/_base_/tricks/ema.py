"""Exponential moving average of weights and batch statistics; validation and tests use it.

Weight 10 / (10 + t) of step t, at least 2e-4: the average remembers about the last tenth of the
training so far, and from step 50,000 on the last 5,000 steps. `tricklift export --ema` takes the
average, else the weights as trained. Not in the paper. Source: Polyak and Juditsky, SIAM J. Control
Optim. 30 (1992); mmengine's EMAHook.
"""

custom_hooks = [
    *base.get("custom_hooks", []),
    dict(
        type="EMAHook",
        ema_type="MomentumAnnealingEMA",
        gamma=10,
        momentum=2e-4,
        update_buffers=True,
    ),
]
