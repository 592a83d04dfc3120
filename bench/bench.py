"""How long and how often things are measured, and what came of it.

Each figure is taken in several rounds, and within a round the things that are compared take turns, so that a machine that is busy is busy for
all of them. What counts is the median of the rounds' ratios.
"""

import pathlib
import subprocess

import report
from report import Row

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent

PUBLIC, PRIVATE = "/api/publicInfo", "/api/profile"
# Connections of a load that finds the limit of a light route.
MANY = 64


class Bench:
    """How long and how often, where, and what came of it."""

    def __init__(self, options):
        self.rounds, self.seconds = (2, 1) if options.quick else (7, 3)
        self.rounds = options.rounds or self.rounds
        self.large = 20_000 if options.quick else 1_000_000
        self.folder = pathlib.Path(options.folder)
        self.yardsticks = options.yardsticks
        self.express, self.better_auth = options.express, options.better_auth
        self.pocketbase, self.glewlwyd = options.pocketbase, options.glewlwyd
        self.rows = []
        self.not_measured = options.missing

    def row(self, *what, **more):
        row = Row(*what, **more)
        self.rows.append(row)
        print(report.line(row), flush=True)

    def yardstick(self, *arguments, text=None):
        arguments = [self.yardsticks, *map(str, arguments)]
        return subprocess.run(arguments, input=text, text=True, check=True, capture_output=True).stdout

    def in_turns(self, measures):
        """What each of `measures` (name: function) gave, round by round, every other round backwards."""
        found = {name: [] for name in measures}
        for number in range(self.rounds):
            for name in list(measures)[:: -1 if number % 2 else 1]:
                found[name].append(measures[name]())
        return found


def bearer(token):
    return f"Bearer {token}"


def ratios(found, name, against, figure="rate"):
    return [one[figure] / other[figure] for one, other in zip(found[name], found[against])]
