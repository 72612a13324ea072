"""How often a model is right, and how often it says so: accuracy, F1, calibration, temperature.

Guo, Pleiss, Sun and Weinberger 2017, On calibration of modern neural networks (arXiv:1706.04599):
expected calibration error over equal bins of the largest probability, and one temperature by which
logits are divided, fitted to the likelihood of labelled examples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 10

COLDEST, HOTTEST = 0.05, 20.0
"""Temperatures are looked for between these."""


def probabilities(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Softmax of logits over a temperature, shape (n, classes)."""
    scaled = np.asarray(logits, float) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    e = np.exp(scaled)
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def likelihood_loss(p: np.ndarray, true: np.ndarray) -> float:
    """Mean negative log-likelihood of the true classes."""
    return float(-np.log(np.clip(p[np.arange(len(true)), true], 1e-12, None)).mean())


def fit_temperature(logits: np.ndarray, true: np.ndarray) -> float:
    """The temperature at which the true classes are most likely.

    Parameters
    ----------
    logits : ndarray, shape (n, classes)
    true : ndarray of int, shape (n,)
    """
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda x: likelihood_loss(probabilities(logits, float(np.exp(x))), true),
        bounds=(np.log(COLDEST), np.log(HOTTEST)),
        method="bounded",
    )
    return float(np.exp(found.x))


@dataclass(frozen=True)
class Curve:
    """A calibration curve over `BINS` equal bins of the largest probability.

    Attributes
    ----------
    confidence, accuracy : ndarray, shape (BINS,)
        Means of a bin; NaN where it is empty.
    count : ndarray of int, shape (BINS,)
    error : float
        Expected calibration error: mean of |accuracy - confidence| weighted by `count`.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray
    error: float


def calibration_curve(p: np.ndarray, true: np.ndarray) -> Curve:
    """How often the most likely class is right where it is said to be so likely.

    Parameters
    ----------
    p : ndarray, shape (n, classes)
    true : ndarray of int, shape (n,)
    """
    top = p.max(axis=1)
    right = p.argmax(axis=1) == true
    place = np.clip((top * BINS).astype(int), 0, BINS - 1)
    count = np.bincount(place, minlength=BINS)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(place, top, minlength=BINS) / count
        accuracy = np.bincount(place, right, minlength=BINS) / count
    gaps = np.abs(accuracy - confidence)[count > 0]
    return Curve(
        confidence, accuracy, count, float((gaps * count[count > 0]).sum() / max(1, len(true)))
    )


def confusion_matrix(true: np.ndarray, said: np.ndarray, classes: int) -> np.ndarray:
    """Counts, true class by row, shape (classes, classes)."""
    table = np.zeros((classes, classes), int)
    np.add.at(table, (true, said), 1)
    return table


def class_scores(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1 of each class; NaN for classes that do not occur."""
    right = np.diag(confusion).astype(float)
    said, true = confusion.sum(axis=0), confusion.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(said > 0, right / said, np.where(true > 0, 0.0, np.nan))
        recall = np.where(true > 0, right / true, np.nan)
        f1 = np.where(true > 0, 2.0 * right / (said + true), np.nan)
    return precision, recall, f1


def macro_f1(confusion: np.ndarray) -> float:
    """Mean F1 of the classes that occur among the true ones."""
    return float(np.nanmean(class_scores(confusion)[2]))


def wilson(right: int, count: int) -> tuple[float, float]:
    """A 95 % interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    if count == 0:
        return 0.0, 1.0
    z, share = 1.959964, right / count
    middle = share + z**2 / (2 * count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    scale = 1.0 + z**2 / count
    return float((middle - half) / scale), float((middle + half) / scale)


def split(true: np.ndarray, seed: int) -> np.ndarray:
    """Which examples a temperature is fitted on: half of each class, shape (n,) of bool."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(true), bool)
    odd = 0
    for label in np.unique(true):
        rows = rng.permutation(np.flatnonzero(true == label))
        half = (len(rows) + odd) // 2  # single ones go to either side in turn
        odd = (odd + len(rows)) % 2
        chosen[rows[:half]] = True
    return chosen
