#!/usr/bin/env python3
"""Compare predictions with labels; exit 1 below the wanted accuracy.

usage: accuracy.py RESULT.txt LABELS.txt LEAST
"""
import sys


def main():
    digits = [line.split()[0] for line in open(sys.argv[1])]
    labels = open(sys.argv[2]).read().split()
    if len(digits) != len(labels):
        sys.exit(f"accuracy: {len(digits)} predictions for {len(labels)} digits")
    right = sum(d == l for d, l in zip(digits, labels))
    print(f"{right} of {len(labels)} right: accuracy {right / len(labels):.3f}")
    sys.exit(right / len(labels) < float(sys.argv[3]))


main()
