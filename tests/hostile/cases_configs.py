"""Configs, tiers and claims from strangers."""

import json
from pathlib import Path
from typing import Any

from fuzz_records import WHOLE_TIER

from hostile import case
from pickles import CANARY

BASE = "cls/mini/resnet18_b-baseline"


def config(folder: Path, text: str, name: str = "x.yaml") -> list[str]:
    (folder / name).write_text(text)
    return ["@config", name]


def changed(folder: Path, **lines: Any) -> list[str]:
    """A config that changes a provided one."""
    return config(folder, json.dumps({"_base_": BASE, **lines}), "x.json")


@case(ends="read", says="x.json")
def harmless(folder):
    """a config that changes a batch size (this one is good)"""
    return changed(folder, train_dataloader={"batch_size": 8})


@case(says="python/object")
def yaml_apply(folder):
    """a YAML config that calls os.system by a tag"""
    return config(
        folder, f"_base_: {BASE}\nx: !!python/object/apply:os.system ['touch {CANARY}']\n"
    )


@case(says="python/object")
def yaml_new(folder):
    """a YAML config that makes a subprocess by a tag"""
    return config(folder, f"x: !!python/object/new:subprocess.Popen [[touch, {CANARY}]]\n")


@case(says="aliases")
def yaml_bomb(folder):
    """a YAML config of aliases that multiply"""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return config(folder, "\n".join(lines))


@case(says="part of")
def yaml_ring(folder):
    """a YAML config that holds itself"""
    return config(folder, "a: &a\n  b: *a\n")


@case(says="levels deep")
def yaml_deep(folder):
    """a YAML config 100,000 levels deep"""
    return config(folder, "[" * 100_000)


@case(says="bytes")
def yaml_long(folder):
    """a YAML config of 20 MB"""
    return config(folder, "a: 1\n" * 4_000_000)


@case(says="twice")
def yaml_twice(folder):
    """a YAML config with a key that stands there twice"""
    return config(folder, f"_base_: {BASE}\nrow: a\nrow: b\n")


@case(says="twice")
def json_twice(folder):
    """a JSON config with a key that stands there twice"""
    return config(folder, '{"row": "a", "row": "b"}', "x.json")


@case(says="levels deep")
def json_deep(folder):
    """a JSON config 100,000 levels deep"""
    return config(folder, '{"a":' * 100_000, "x.json")


@case(says="a file that runs")
def base_of_code(folder):
    """a config over a Python file"""
    (folder / "evil.py").write_text(f"open({CANARY!r}, 'w')")
    return config(folder, json.dumps({"_base_": "./evil.py"}), "x.json")


@case(says="is no short name")
def base_climbing(folder):
    """a config over a path that climbs out"""
    return config(folder, json.dumps({"_base_": "../../outside/evil"}), "x.json")


@case(says="none of the parts")
def type_of_code(folder):
    """a config whose hook is os.system"""
    hooks = [{"type": "os.system", "command": f"touch {CANARY}"}]
    return changed(folder, custom_hooks=hooks)


@case(says="none of the parts")
def type_of_mmengine(folder):
    """a config whose hook unpickles a file by mmengine.load"""
    return changed(folder, custom_hooks=[{"type": "mmengine.load", "file": "a.pkl"}])


@case(says="none of the parts")
def constructor_of_code(folder):
    """a config whose optimizer is made by a function of Python"""
    return changed(folder, optim_wrapper={"constructor": "subprocess.Popen"})


@case(says="alone")
def imports_of_code(folder):
    """a config that imports a module"""
    (folder / "evil.py").write_text(f"open({CANARY!r}, 'w')")
    return changed(folder, custom_imports={"imports": ["evil"]})


@case(says="not taken from data")
def imports_of_ours(folder):
    """a config that imports a file"""
    (folder / "evil.py").write_text(f"open({CANARY!r}, 'w')")
    return changed(folder, imports=["evil.py"])


@case(says="takes mmengine, mmdet, mmseg")
def scope_of_code(folder):
    """a config whose scope is a module"""
    (folder / "evil.py").write_text(f"open({CANARY!r}, 'w')")
    return changed(folder, default_scope="evil")


@case(says="command line")
def writes_elsewhere(folder):
    """a config that writes checkpoints elsewhere"""
    place = str(folder.parent / "outside")
    return changed(
        folder, default_hooks={"checkpoint": {"type": "CheckpointHook", "out_dir": place}}
    )


@case(says="no place on this disk")
def weights_from_a_server(folder):
    """a config that loads weights from a server"""
    return changed(folder, load_from="http://127.0.0.1:9/w.pth")


@case(says="a file that runs")
def list_of_code(folder):
    """a config whose list of data is a pickle"""
    return changed(folder, train_dataloader={"dataset": {"ann_file": "a.pkl"}})


@case(says="takes 0 to")
def workers(folder):
    """a config of a million processes"""
    return changed(folder, train_dataloader={"num_workers": 1_000_000})


@case(says="names for keys")
def no_mapping(folder):
    """a config that is a list"""
    return config(folder, "[1, 2]", "x.json")


@case(says="control character")
def steering_value(folder):
    """a config with terminal escapes"""
    return changed(folder, row="\x1b[2J\x1b]0;owned\x07")


@case(says="a file that runs")
def trick_of_code(folder):
    """a config that lays a file of code as a trick"""
    (folder / "evil.py").write_text(f"open({CANARY!r}, 'w')")
    return changed(folder, tricks=["./evil.py"])


# --- tiers ---------------------------------------------------------------------------------------
def tier(folder: Path, text: str) -> list[str]:
    (folder / "tier.yaml").write_text(text)
    return ["@tier", "tier.yaml"]


@case(says="python/object")
def tier_of_code(folder):
    """a tier that calls os.system by a tag"""
    return tier(folder, f"name: !!python/object/apply:os.system ['touch {CANARY}']\n")


@case(says="aliases")
def tier_bomb(folder):
    """a tier of aliases that multiply"""
    lines = ["about: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"k{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return tier(folder, "\n".join(lines))


@case(says="not readable as YAML")
def tier_of_odd_numbers(folder):
    """a tier with a date of month 13"""
    return tier(folder, "name: 2026-13-99\n")


@case(says="letters, digits")
def tier_climbing(folder):
    """a tier whose name climbs out of the folder of runs"""
    return tier(folder, json.dumps({**WHOLE_TIER, "name": "../../outside"}))


@case(says="letters, digits")
def tier_row_climbing(folder):
    """a tier with a row whose name climbs out of the folder of runs"""
    rows = [{**WHOLE_TIER["rows"][0], "name": "../../outside/x"}]
    return tier(folder, json.dumps({**WHOLE_TIER, "rows": rows}))


@case()
def tier_of_seeds(folder):
    """a tier with a seed of 300 digits"""
    return tier(folder, json.dumps({**WHOLE_TIER, "seeds": [10**300]}))


@case(says="not readable as YAML")
def claims_of_code(folder):
    """claims that call os.system by a tag"""
    from cases_results import result

    result(folder)
    (folder / "claims.yaml").write_text(f"- !!python/object/apply:os.system ['touch {CANARY}']")
    return ["compare", "runs", "--claims", "claims.yaml"]
