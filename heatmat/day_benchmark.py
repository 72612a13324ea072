"""A day of maps by the field, timed: `python -m heatmat.day_benchmark CASE.npz [--json FILE]`.

The daily work: ground and roofs of the whole extent at 1 m, hour by hour, spin-up days included.
`heatmat benchmark` holds the same figures as ``field_map``, in a process that does more.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from heatmat.arguments import Parser, output_file, pixel_size, square_side, whole
from heatmat.case import Case
from heatmat.ending import exit_code
from heatmat.field_memory import field_memory
from heatmat.map_spread import TEXEL, middle_grid
from heatmat.memory import peak_memory, reset_peak_memory
from heatmat.output.atomic import aside

SIDE = 1000.0
"""Of the square in the middle of the extent that is mapped, at most [m]."""

STAGES = ("set_up", "march", "pixels")
"""Texels and links; every texel through all days; what pixels gather, with their errors."""


def day_of_maps(
    case: Case,
    *,
    side: float = SIDE,
    pixel: float = 1.0,
    device: str = "auto",
    seed: int = 0,
    progress: Callable[..., None] = lambda *told: None,
) -> dict[str, Any]:
    """Hourly maps of the middle of a case, stage by stage.

    Parameters
    ----------
    case : Case
    side : float
        Of the square [m], at most.
    pixel : float
        Side of a pixel [m].
    device : str
    seed : int
    progress : callable
        ``progress(stage, done, total)``.

    Returns
    -------
    dict
        ``pixels, pixel_m, hours, texels, texel_m``; ``seconds`` by the clock and ``cpu_seconds`` of
        all threads, each by stage (`STAGES`), kernels loaded or compiled included;
        ``peak_memory_bytes`` of this process meanwhile and ``estimated_memory_bytes`` before;
        ``standard_error_k`` (root mean square over hours and every seventh pixel) and
        ``standard_error_p95_k``, as the map reports them.
    """
    from heatmat.field import Field
    from heatmat.field_map import gather_map

    forcing = case.forcing
    every = max(1, round(3600.0 / forcing.step))
    stamps = np.arange(forcing.spin_up_steps + every, forcing.n_steps + 1, every)
    grid = middle_grid(case, side, pixel)
    seconds: dict[str, float] = {}
    cpu: dict[str, float] = {}

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        progress(stage, len(seconds), len(STAGES))
        clock, spent = time.perf_counter(), time.process_time()
        yield
        seconds[stage], cpu[stage] = time.perf_counter() - clock, time.process_time() - spent

    reset_peak_memory()
    with timed("set_up"):
        field = Field(case, TEXEL, stamps, device=device, seed=seed)
    with timed("march"):
        field.march_chunk()
    with timed("pixels"):
        found = gather_map(lambda: field, grid, case.maps.origin, seed, field.words)
    error = found["surface_temperature_standard_error"][::7].astype(float)
    return {
        "pixels": grid.nx * grid.ny,
        "pixel_m": pixel,
        "hours": int(stamps.size),
        "texels": int(field.texels.count),
        "texel_m": TEXEL,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "estimated_memory_bytes": field_memory(case, TEXEL),
        "peak_memory_bytes": peak_memory(),
        "standard_error_k": float(np.sqrt(np.nanmean(error**2))),
        "standard_error_p95_k": float(np.nanquantile(error, 0.95)),
    }


def as_text(found: dict[str, Any]) -> str:
    """The figures, a stage a line."""
    lines = [
        f"{found['pixels']} pixels of {found['pixel_m']:g} m, {found['hours']} hours;"
        f" {found['texels']} texels of {found['texel_m']:g} m",
        f"{'':12}{'clock':>8}{'CPU':>9}",
    ]
    stages = [(name, found["seconds"][name], found["cpu_seconds"][name]) for name in STAGES]
    stages.append(("together", *(sum(found[k].values()) for k in ("seconds", "cpu_seconds"))))
    lines += [f"{name:12}{clock:6.1f} s{spent:7.1f} s" for name, clock, spent in stages]
    peak, told = (found[f"{k}_memory_bytes"] / 2**30 for k in ("peak", "estimated"))
    lines.append(f"largest resident memory {peak:.2f} GiB, estimated before {told:.2f} GiB")
    lines.append(
        f"standard error {found['standard_error_k']:.3f} K,"
        f" 95 % under {found['standard_error_p95_k']:.3f} K"
    )
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = Parser(description="A day of maps by the field, timed.")
    parser.add_argument("case", help="a prepared case (heatmat prepare)")
    parser.add_argument("--side", type=square_side, default=SIDE, help="of the square at most [m]")
    parser.add_argument("--pixel", type=pixel_size, default=1.0, help="side of a pixel [m]")
    parser.add_argument("--seed", type=whole(0), default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=output_file, metavar="FILE")
    given = parser.parse_args()
    begun = time.perf_counter()
    found = day_of_maps(
        Case.load(given.case), side=given.side, pixel=given.pixel, seed=given.seed,
        device=given.device,
    )  # fmt: skip
    found |= {"whole_s": time.perf_counter() - begun, "whole_cpu_s": time.process_time()}
    if given.json is not None:
        with aside(given.json) as partial:
            partial.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(
        f"{as_text(found)}\nreading and imports too: {found['whole_s']:.1f} s by the clock,"
        f" {found['whole_cpu_s']:.1f} s CPU\n"
    )


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
