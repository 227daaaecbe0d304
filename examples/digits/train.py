#!/usr/bin/env python3
"""Train a small network on the handwritten digits that scikit-learn ships; keep 500 digits back.

usage: train.py OUTDIR

Writes OUTDIR/model.npz (the owner's secret model), OUTDIR/digits.npy (500 images to classify) and
OUTDIR/labels.txt (what they are; stays with the owner). Deterministic: same files on every run.
"""
import pathlib
import sys

import numpy as np
from sklearn.datasets import load_digits

HELD_BACK = 500
HIDDEN = 96
EPOCHS = 200
BATCH = 64


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def train(x, y, rng):
    w1 = rng.normal(0, 0.2, (x.shape[1], HIDDEN))
    w2 = rng.normal(0, 0.2, (HIDDEN, 10))
    b1, b2 = np.zeros(HIDDEN), np.zeros(10)
    onehot = np.eye(10)[y]
    for epoch in range(EPOCHS):
        rate = 0.2 / (1 + epoch / 50)
        order = rng.permutation(len(x))
        for at in range(0, len(x), BATCH):
            batch = order[at:at + BATCH]
            h = np.maximum(x[batch] @ w1 + b1, 0)
            error = (softmax(h @ w2 + b2) - onehot[batch]) / len(batch)
            back = (error @ w2.T) * (h > 0)
            w2 -= rate * (h.T @ error + 1e-4 * w2)
            b2 -= rate * error.sum(axis=0)
            w1 -= rate * (x[batch].T @ back + 1e-4 * w1)
            b1 -= rate * back.sum(axis=0)
    return w1, b1, w2, b2


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    data = load_digits()
    rng = np.random.default_rng(2026)
    order = rng.permutation(len(data.data))
    held, rest = order[:HELD_BACK], order[HELD_BACK:]
    x, y = data.data / 16.0, data.target
    w1, b1, w2, b2 = train(x[rest], y[rest], rng)
    np.savez(out / "model.npz", w1=w1, b1=b1, w2=w2, b2=b2)
    np.save(out / "digits.npy", data.data[held].astype(np.uint8))
    (out / "labels.txt").write_text("".join(f"{label}\n" for label in y[held]))


main()
