#!/usr/bin/env python3
"""Classify handwritten digits: read a model and images, write one digit a line. Knows of no enclave.

usage: classify.py MODEL.npz DIGITS.npy RESULT.txt
"""
import sys

import numpy as np


def main():
    model_file, digits_file, result_file = sys.argv[1:4]
    model = np.load(model_file)
    images = np.load(digits_file) / 16.0
    hidden = np.maximum(images @ model["w1"] + model["b1"], 0)
    scores = hidden @ model["w2"] + model["b2"]
    digits = scores.argmax(axis=1)
    with open(result_file, "w") as f:
        for digit, row in zip(digits, scores):
            f.write(f"{digit} {row.max():.9f}\n")
    print(f"classified {len(digits)} digits into {result_file}")


main()
