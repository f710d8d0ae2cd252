"""Every provided tier: its data, rows, heads and seeds."""

from tricklift.markdown import grid
from tricklift.paths import config_root
from tricklift.suite.tier_file import read

PAGE = "reference/tiers.md"
TOP = """# Tiers

Written by `python docs/write` from `configs/tiers`; `tricklift list tiers` prints them, and
`tricklift plan TIER` what each would run. The keys of such a file, and how to write one:
[Tiers](../tiers.md)."""


def text() -> str:
    """The page."""
    lines = []
    for file in sorted((config_root() / "tiers").glob("*.yaml")):
        tier = read(file.stem)
        data = dict.fromkeys(name for names in tier.data.values() for name in names)
        heads = [f"`{head.config}`" for head in tier.heads]
        rows = list(tier.row_names())
        lines.append(
            [
                f"`{file.stem}`",
                tier.about,
                ", ".join(data),
                str(len(rows)),
                ", ".join(heads),
                ", ".join(map(str, tier.seeds)),
            ]
        )
    return f"{TOP}\n\n{grid(['tier', 'what', 'data sets', 'rows', 'heads', 'seeds'], lines)}\n"
