"""Label smoothing with eps 0.1. Source: section 5.2, equation (4)."""

tasks = ("cls",)
model = dict(label_smoothing=dict(eps=0.1, form="paper"))
