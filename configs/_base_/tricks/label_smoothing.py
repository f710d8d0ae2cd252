"""Label smoothing with eps 0.1. Source: section 5.2, equation (4).

form="paper": 1 - eps and eps / (K - 1); form="public", the authors' code: eps / K everywhere and
1 - eps more on the label.
"""

tasks = ("cls",)
model = dict(label_smoothing=dict(eps=0.1, form="paper"))
