"""What `mim train tricklift` and `mim test tricklift` start, with OpenMMLab's arguments."""

import argparse
import os
from collections.abc import Sequence

from tricklift.errors import RESUMES, report_user_errors, stoppable


def _parser(description: str) -> argparse.ArgumentParser:
    from mmengine.config import DictAction

    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("config", help="path or short name of a config")
    parser.add_argument("--work-dir", help="folder of logs, checkpoints and result.json")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        default={},
        help="override config keys, KEY=VALUE; a key must exist, unless written +KEY",
    )
    parser.add_argument("--launcher", choices=("none", "pytorch", "slurm", "mpi"), default="none")
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0)
    return parser


def _parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    args = parser.parse_args(argv)
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    return args


def train_main(argv: Sequence[str] | None = None) -> None:
    """`mim train tricklift CONFIG ...`"""
    parser = _parser("Train a config of tricklift (or any mmengine config)")
    parser.add_argument("--amp", action="store_true", help="mixed precision (on CPUs: bfloat16)")
    parser.add_argument("--auto-scale-lr", action="store_true", help="scale lr to the batch size")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        help="resume from this checkpoint, or from the last one in the work dir",
    )
    parser.add_argument("--seed", type=int, help="sets randomness.seed")
    parser.add_argument("--tricks", help="A,B: tricks on top of the config's own")
    args = _parse(parser, argv)
    with report_user_errors(), stoppable(RESUMES):
        from tricklift.train import build_config, train
        from tricklift.tricks import split_names

        cfg = build_config(
            args.config,
            work_dir=args.work_dir,
            seed=args.seed,
            tricks=split_names(args.tricks),
            options=args.cfg_options,
            amp=args.amp,
            auto_scale_lr=args.auto_scale_lr,
            resume=args.resume,
            launcher=args.launcher,
        )
        train(cfg)


def test_main(argv: Sequence[str] | None = None) -> None:
    """`mim test tricklift CONFIG --checkpoint FILE ...`"""
    parser = _parser("Evaluate a training checkpoint on a config's test data")
    parser.add_argument("checkpoint", help="checkpoint of a training (.pth)")
    args = _parse(parser, argv)
    with report_user_errors():
        from tricklift.train import build_config, test

        cfg = build_config(
            args.config,
            work_dir=args.work_dir,
            options=args.cfg_options,
            launcher=args.launcher,
        )
        test(cfg, args.checkpoint)
