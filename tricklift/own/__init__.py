"""Data of one's own: what a folder holds, whether it can be trained on, and configs made for it.

`layouts` finds what a folder is, `report` reads it with the very readers of a training, `settings`
chooses sizes and schedules, and `written` writes configs and a tier of them.
"""
