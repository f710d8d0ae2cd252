"""From result files to one HTML file that anyone can open: `tricklift report`.

A page is a list of sections (`sections/`), each made by a function of a `Study`. Numbers come from
`tricklift.tables`; here is only how they look.
"""
