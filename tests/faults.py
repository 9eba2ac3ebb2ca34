"""`python -m tests.faults`: the matrix of faults × verbs as text; the last line is JSON with the counts."""

import json
import sys

from connectors.simulators import start
from tests.connectors.esp.stages import STAGES
from tests.connectors.faults.matrix import FAULTS, Trial, hurried, table


def main() -> int:
    cells = []
    for key, stage in STAGES.items():
        with hurried(), start(key, demo_data=False) as simulator:
            found = [cell for fault in FAULTS for cell in Trial(key, stage, simulator).try_row(fault)]
        cells += found
        print(f"{key}: what a verb ends in; “-”: the fault has no meaning there\n\n{table(found)}\n")
    tried = [cell for cell in cells if cell.ended != "-"]
    for cell in tried:
        if cell.problem:
            print(f"{cell.fault} × {cell.verb}: {cell.problem}")
    survived = sum(not cell.problem for cell in tried)
    slowest = max(cell.seconds for cell in tried)
    told = {"faults": len(FAULTS), "cells": len(tried), "survived": survived, "slowest_s": round(slowest, 2)}
    print(json.dumps(told))
    return 0 if survived == len(tried) else 1


if __name__ == "__main__":
    sys.exit(main())
