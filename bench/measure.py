"""Measures the parts that are asked for. bench/run calls this, after it has built and installed all that is needed."""

import argparse

import report
from accounts import accounts, start_up
from bench import ROOT, Bench
from grants import grants, storm
from programs import Tokenhouse
from routes import checks, routes

PARTS = {part.__name__: part for part in (checks, routes, grants, storm, start_up, accounts)}


def main():
    parser = argparse.ArgumentParser(prog="bench/run")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all of them unless named")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: to see that it runs, not to quote from")
    parser.add_argument("--rounds", type=int, help="so many rounds")
    parser.add_argument("--docs", action="store_true", help="write the table and the picture into docs/")
    parser.add_argument("--missing", action="append", nargs=2, default=[], help=argparse.SUPPRESS)
    for name in "folder", "binary", "yardsticks", "express", "better-auth", "pocketbase", "glewlwyd":
        parser.add_argument(f"--{name}", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    Tokenhouse.binary = options.binary
    bench = Bench(options)
    for name in options.parts or PARTS:
        print(f"\n{name}: {PARTS[name].__doc__}\n", flush=True)
        PARTS[name](bench)
    report.write(bench, ROOT / "docs" if options.docs else None)


if __name__ == "__main__":
    main()
