"""The command itself: counties of several seeds, judged side by side."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec
from msgspec import Struct
from rich.console import Console

from deploy.county.people import settle
from deploy.county.size import SIZES, Scale
from deploy.county.timeline import write
from deploy.county.truth import Planted
from deploy.score.compare import compare
from deploy.score.judged import Judgement, judge
from deploy.score.origin import Elsewhere
from deploy.score.report import Run, Score, show
from schemas.times import HOUR_MS, parse_ms

# In the evening, so that a night and its morning are in it.
_START_MS = parse_ms("2026-03-01T20:00:00+08:00")


class Job(Struct, frozen=True):
    """A county to judge: as it is, or with everybody from elsewhere."""

    seed: int
    scale: Scale
    hours: float
    elsewhere: bool


class Done(Struct, frozen=True):
    """A county that was judged, with the truth about it."""

    judgement: Judgement
    truth: list[Planted]
    moved: int


def work(job: Job) -> Done:
    """Make a county and judge it."""
    truth: list[Planted] = []
    size = SIZES[job.scale]
    people = settle(job.seed, size)
    lines: Iterator[bytes] = write(people, job.seed, _START_MS, job.hours, size.rate, truth)
    elsewhere = Elsewhere()
    if job.elsewhere:
        lines = elsewhere.lines(lines)
    return Done(judge(lines), truth, elsewhere.moved)


def score(seeds: int, scale: Scale, hours: float, processes: int) -> Score:
    """Return the score of the seeds from 1 on."""
    jobs = [
        Job(seed, scale, hours, elsewhere)
        for seed in range(1, seeds + 1)
        for elsewhere in (False, True)
    ]
    if processes == 1:
        done = [work(job) for job in jobs]
    else:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            done = list(pool.map(work, jobs))
    runs = []
    for job, here, there in zip(jobs[::2], done[::2], done[1::2], strict=True):
        before, after = here.judgement.shapes(), there.judgement.shapes()
        by_origin = ((before - after) + (after - before)).total()
        end_ms = _START_MS + int(hours * HOUR_MS)
        compared = compare(here.truth, here.judgement.until(end_ms))
        judged = here.judgement
        runs.append(Run(job.seed, judged.lines, judged.reads, compared, by_origin, there.moved))
    return Score(runs, scale, hours)


def main(*, seeds: int, scale: Scale, hours: float, out: Path | None) -> int:
    """Print the score; return 1 when a goal is missed."""
    result = score(seeds, scale, hours, os.cpu_count() or 1)
    show(result, Console())
    if out is not None:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(result.figures())) + b"\n")
    return 1 if result.shortfalls() else 0
