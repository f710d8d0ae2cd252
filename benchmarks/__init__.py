"""`python -m benchmarks`: our speed as ratios to what people use today, measured side by side.

One file a question (`inputs`, `step`, `downstream`, `index`, `growth`); `measure` is how all of
them are timed, `operators` says what limits a step, `report` writes the page.
Absolute figures differ from machine to machine and from minute to minute; a ratio of two things
that took turns on one machine does so far less.
"""
