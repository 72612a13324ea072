"""The 2.5D side with plain random numbers in place of Sobol points, in a process of its own.

``python -m heatmat.reference_plain QUESTION.npz ANSWER.json``: kernels are compiled with the
sampler that stands in `heatmat.kernels.sampling` when they are imported, so it is replaced before.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np


def plain_errors(
    scene: str, truth: np.ndarray, truth_error: np.ndarray, sizes: list[int], *, quick: bool,
    device: str, seed: int,
) -> list[float]:  # fmt: skip
    """Root mean square errors [K] of a scene's queries at some sizes, by plain random numbers.

    Parameters
    ----------
    scene : str
        Its name.
    truth, truth_error : ndarray, shape (probes, 24)
        Of the probes away from edges [K].
    sizes : list of int
        Paths of a query.
    quick, device, seed :
        As the process that asks has them.
    """
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder) / "question.npz", Path(folder) / "answer.json"
        np.savez(question, truth=truth, truth_error=truth_error, sizes=np.array(sizes))
        subprocess.run(
            [sys.executable, "-m", "heatmat.reference_plain", str(question), str(answer), scene,
             device, str(seed), str(int(quick))],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )  # fmt: skip
        return list(json.loads(answer.read_text(encoding="utf-8")))


def use_plain_numbers() -> None:
    """Let every point of the Sobol sequences be two hashed numbers."""
    from heatmat.kernels import sampling
    from heatmat.kernels.sampling import combine, to_unit
    from heatmat.runtime import ti, tm

    @ti.func
    def plain(index, key):  # type: ignore[no-untyped-def]
        u = to_unit(combine(combine(key, ti.u32(101)), index))
        v = to_unit(combine(combine(key, ti.u32(102)), index))
        return tm.vec2(u, v)

    sampling.sobol_2d = plain


def main(arguments: list[str]) -> None:
    """Answer one question."""
    question, answer, name, device, seed, quick = arguments
    use_plain_numbers()
    from heatmat.reference_benchmark import apart
    from heatmat.reference_fast import FastSide
    from heatmat.reference_scenes import scenes
    from heatmat.simulation import Simulation

    scene: Any = next(s for s in scenes(quick=quick == "1") if s.name == name)
    with np.load(question) as given:
        truth, error, sizes = given["truth"], given["truth_error"], given["sizes"].tolist()
    simulation = Simulation(scene.scenario(), device=device, seed=int(seed))
    probes = [scene.probes[i] for i in apart(scene.probes)[0]]
    curve = FastSide(simulation, probes, int(seed)).curve(truth, error, sizes)
    rms = np.sqrt((curve.error**2).mean(axis=(1, 2)))
    Path(answer).write_text(json.dumps(rms.tolist()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
