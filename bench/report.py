"""What was found, for people: a line each, a table, JSON, and a picture."""

import dataclasses
import json
import math
import os
import pathlib
import platform
import statistics
import time
from html import escape

BEGIN, END = "<!-- bench/run --docs writes from here … -->", "<!-- … to here -->"


@dataclasses.dataclass
class Row:
    """One figure, of each round."""

    what: str
    against: str  # Nothing for a figure that stands for itself.
    unit: str
    rounds: list
    target: tuple = None  # ("<=", 1.3)
    note: str = ""
    cpu: list = None  # The same ratio of processor time for a request.

    @property
    def median(self):
        return statistics.median(self.rounds)

    @property
    def reached(self):
        if self.target is None:
            return None
        sign, bound = self.target
        return {"<=": self.median <= bound, "<": self.median < bound, ">=": self.median >= bound}[sign]

    def figure(self, value):
        if self.unit == "×":
            return f"{value:.2f} ×" if value < 20 else f"{value:.0f} ×"
        return f"{value:,.0f} {self.unit}" if value >= 20 or self.unit in ("/s", "bytes a user") else f"{value:.1f} {self.unit}"

    def texts(self):
        """Median, spread, target, and whether it is reached."""
        spread = f"{self.figure(min(self.rounds))} … {self.figure(max(self.rounds))}" if len(self.rounds) > 1 else ""
        if self.target is None:
            return self.figure(self.median), spread, "", ""
        sign = {"<=": "≤", ">=": "≥"}.get(self.target[0], self.target[0])
        bound = f"{self.target[1]:,}{' ×' if self.unit == '×' else ' ' + self.unit}"
        return self.figure(self.median), spread, f"{sign} {bound}", "yes" if self.reached else "**no**"


def line(row):
    median, spread, target, reached = row.texts()
    against = f"  against {row.against}" if row.against else ""
    target = f"  want {target}: {reached.strip('*')}" if target else ""
    cpu = f"  processor time {statistics.median(row.cpu):.2f} ×" if row.cpu else ""
    return f"{median:>14}  ({spread})  {row.what}{against}{cpu}{target}"


def table(rows):
    """In Markdown."""
    lines = ["| what | held against | median | spread | processor time a request | wanted | reached |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        median, spread, target, reached = row.texts()
        cpu = f"{statistics.median(row.cpu):.2f} ×" if row.cpu else ""
        what = row.what + (f" ({row.note})" if row.note else "")
        lines.append(f"| {what} | {row.against} | {median} | {spread} | {cpu} | {target} | {reached} |")
    return "\n".join(lines)


def machine():
    model = [text.split(": ")[1] for text in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if text.startswith("model name")]
    return f"{os.cpu_count()} cores{f' ({model[0]})' if model else ''}, Linux {platform.release().split('-')[0]}"


def write(bench, docs):
    """The table to standard output, and the rest to files; to `docs` as well when told to."""
    rows = bench.rows
    missing = "".join(f"\nNot measured: {name} ({why})." for name, why in bench.not_measured)
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    how = f"{bench.rounds} rounds of {bench.seconds} s on {machine()}, {when} UTC"
    text = f"{table(rows)}\n\n{how}.{missing}\n"
    print(f"\n{text}")
    found = {
        "machine": machine(), "at": when, "rounds": bench.rounds, "seconds": bench.seconds,
        "rows": [{**dataclasses.asdict(row), "median": row.median, "reached": row.reached} for row in rows],
        "not_measured": bench.not_measured,
    }
    folder = bench.folder
    (folder / "performance.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    (folder / "performance.svg").write_text(picture(rows, how))
    print(f"{folder}/performance.json and performance.svg are written.")
    if docs:
        page = docs / "performance.md"
        before, rest = page.read_text().split(BEGIN)
        page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.split(END)[1]}")
        (docs / "performance.svg").write_text(picture(rows, how))
        (docs / "performance.json").write_text((folder / "performance.json").read_text())
        print(f"{docs}/performance.md, .svg and .json are renewed.")


STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .small { font-size: 11px; fill: #57606a }
  .bar { fill: #3b6ea8 }
  .axis { stroke: #8c959f; stroke-width: 1 }
  .spread { stroke: #24292f; stroke-width: 1.5 }
  .target { stroke: #c4432b; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 } .spread { stroke: #e6edf3 } .bar { fill: #5b93d6 } .target { stroke: #ff8a70 }
  }
"""


def picture(rows, how):
    """The ratios as bars from 1, the distance as its logarithm; the spread is a line, the target a mark."""
    rows = [row for row in rows if row.unit == "×"]
    left, width, height, top = 560, 340, 34, 44
    ends = [value for row in rows for value in (*row.rounds, *((row.target[1],) if row.target else ()))] + [0.7, 1.4]
    low, high = math.log(min(ends) * 0.9), math.log(max(ends) * 1.1)
    at = lambda value: left + width * (math.log(value) - low) / (high - low)
    bottom = top + height * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 90} {bottom + 40}" role="img">',
        f"<title>tokenhouse held against others, as ratios</title><style>{STYLE}</style>",
        f'<text x="10" y="22">Ratios within one run: median and spread, <tspan style="fill:#c4432b">|</tspan> what is wanted</text>',
    ]
    for number, row in enumerate(rows):
        y = top + height * number
        one, end = sorted((at(1), at(row.median)))
        parts.append(f'<text x="10" y="{y + 13}">{escape(row.what)}</text>')
        parts.append(f'<text class="small" x="10" y="{y + 26}">held against: {escape(row.against)}</text>')
        parts.append(f'<rect class="bar" x="{one:.1f}" y="{y + 4}" width="{max(end - one, 1):.1f}" height="16" rx="2"/>')
        parts.append(f'<path class="spread" d="M{at(min(row.rounds)):.1f} {y + 12}H{at(max(row.rounds)):.1f}"/>')
        if row.target:
            parts.append(f'<path class="target" d="M{at(row.target[1]):.1f} {y + 1}v22"/>')
        parts.append(f'<text x="{left + width + 12}" y="{y + 17}">{row.figure(row.median)}</text>')
    parts.append(f'<path class="axis" d="M{at(1):.1f} {top}V{bottom}"/><text class="small" x="{at(1) - 6:.1f}" y="{bottom + 14}">1 ×</text>')
    parts.append(f'<text class="small" x="10" y="{bottom + 30}">{escape(how)}</text></svg>')
    return "\n".join(parts) + "\n"
