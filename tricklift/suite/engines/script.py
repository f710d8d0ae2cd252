"""Plain `sbatch` scripts for clusters that we do not know: what `tricklift plan --sbatch` writes.

One script a job, to be read and changed, and `submit.sh`, which hands them to sbatch with their
dependencies. They need nothing but tricklift on the cluster; another scheduler gets other header
lines, and the rest stays.
"""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from tricklift.errors import STOPPED, UserError
from tricklift.records.atomic import write_text
from tricklift.suite.engines import Resources, slurm_client
from tricklift.suite.engines.slurm_options import DEFAULT_MINUTES, SlurmOptions, warning
from tricklift.suite.jobs import Export, Job
from tricklift.suite.work import attempt

SUBMIT = "submit.sh"
SUFFIX = ".sbatch"
#: A job that is stopped before it can save is queued again so often.
UNSAVED = 3

_SCRIPT = """\
#!/usr/bin/env bash
# {name}: {needs}
{header}
set -u
cd {here}
{exports}
# A child, so that this shell can pass on what Slurm tells it: USR1 before the time limit.
child= told=
trap 'told=1; kill -USR1 "$child" 2>/dev/null' USR1
trap 'kill -TERM "$child" 2>/dev/null' TERM
{command} &
child=$!
wait "$child"; code=$?
while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
# {stopped}: a checkpoint is saved, and the same call goes on from there.
again=$(( code == {stopped} || ${{SLURM_RESTART_COUNT:-0}} < {unsaved} ))
if [ -n "$told" ] && [ "$code" -ne 0 ] && [ "$again" -eq 1 ]; then
  exec scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
"""
_SUBMIT = """\
#!/usr/bin/env bash
# Submits the {count} jobs of {out}; those that are done end at once, stopped ones resume.
# Options of sbatch given here are for all: ./{file} --partition=gpu
set -Eeuo pipefail
cd "$(dirname "$0")"
declare -A number
withdraw() {{
  echo "sbatch refused a job; cancelling the ${{#number[@]}} submitted before it" >&2
  [ ${{#number[@]}} -eq 0 ] || scancel "${{number[@]}}"
  exit 1
}}
trap withdraw ERR
# submit FILE NEEDED_FILE...
submit() {{
  local file=$1 needs=; shift
  for need in "$@"; do needs+=":${{number[$need]}}"; done
  number[$file]=$(
    sbatch --parsable ${{needs:+--dependency=afterok$needs}} "${{options[@]}}" "$file"
  )
  number[$file]=${{number[$file]%%;*}}
  echo "$file: ${{number[$file]}}"
}}
options=("$@")
{calls}
echo "all submitted; 'tricklift status {out}' shows how far they are"
"""


def write(
    jobs: Sequence[Job],
    out: Path,
    folder: Path,
    options: SlurmOptions,
    resources: Resources,
    exports: dict[str, str] | None = None,
) -> list[Path]:
    """Writes the scripts of jobs into a folder; returns the files, `submit.sh` last.

    Args:
        jobs: Not yet done, each after those among them that it needs.
        out: Output folder, which holds `jobs.json`.
        folder: Where to write; scripts of an earlier call are replaced.
        options: Of sbatch.
        resources: Of a training.
        exports: Variables of the environment that the jobs get.

    Raises:
        UserError: `folder` holds something else.
    """
    refuse_other_files(folder)
    folder.mkdir(parents=True, exist_ok=True)
    width = len(str(len(jobs)))
    files = {
        job.name: f"{n:0{width}}-{job.name.replace('/', '_')}{SUFFIX}"
        for n, job in enumerate(jobs, start=1)
    }
    for old in folder.glob(f"*{SUFFIX}"):
        old.unlink()
    (out / slurm_client.FOLDER).mkdir(
        parents=True, exist_ok=True
    )  # sbatch makes no folder for its output
    for job in jobs:
        write_text(folder / files[job.name], text_of(job, out, options, resources, exports or {}))
    calls = [
        shlex.join(["submit", files[job.name], *(files[n] for n in job.needs if n in files)])
        for job in jobs
    ]
    place = shlex.quote(str(out.resolve()))
    facts = {"count": len(jobs), "out": place, "file": SUBMIT, "calls": "\n".join(calls)}
    write_text(folder / SUBMIT, _SUBMIT.format(**facts))
    (folder / SUBMIT).chmod(0o755)
    return [folder / name for name in [*files.values(), SUBMIT]]


def text_of(
    job: Job,
    out: Path,
    options: SlurmOptions,
    resources: Resources,
    exports: dict[str, str],
) -> str:
    """The script of a job."""
    out = out.resolve()
    flags = options.flags(job, resources) | {
        "job-name": slurm_client.name_in_slurm(out, job.name),
        "output": str(slurm_client.log_of(out, "%j")),
        "open-mode": "append",
        "signal": f"B:USR1@{warning(options.minutes or DEFAULT_MINUTES)}",
    }
    return _SCRIPT.format(
        name=job.name,
        needs=f"needs {', '.join(job.needs)}" if job.needs else "needs no other job",
        header="\n".join(sbatch_lines(flags)),
        here=shlex.quote(str(Path.cwd())),
        exports="".join(f"export {key}={shlex.quote(value)}\n" for key, value in exports.items()),
        command=shlex.join(at_work(out, job, resources)),
        stopped=STOPPED,
        unsaved=UNSAVED,
    )


def at_work(out: Path, job: Job, resources: Resources) -> list[str]:
    """The command that brings a job to its end, watched: `tricklift work`."""
    resources = Resources() if isinstance(job, Export) else resources
    return [part for part in attempt(out.resolve(), job.name, resources) if part != "--here"]


def sbatch_lines(flags: Mapping[str, str | None]) -> list[str]:
    """`#SBATCH` lines of long options."""
    return [
        f"#SBATCH --{key}" + ("" if value is None else f"={shlex.quote(value)}")
        for key, value in flags.items()
    ]


def refuse_other_files(folder: Path) -> None:
    """Raises a UserError where a folder holds anything but scripts of ours."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--sbatch: {folder} is a file; give a folder")
    held = [file.name for file in folder.glob("*")] if folder.is_dir() else []
    if other := [name for name in held if name != SUBMIT and not name.endswith(SUFFIX)]:
        raise UserError(
            f"--sbatch: {folder} holds other files ({', '.join(sorted(other)[:3])}); give a folder "
            "of its own"
        )
