#!/usr/bin/python3
"""Draws out/bench/figures.json: one picture a figure, base and series side by side, guest time left, wall time right.

    draw.py FIGURES.json FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

TITLES = {
    "method": "One reset of one function through sysfs, by method",
    "many": "Resets of N functions, each behind a port of its own",
    "subordinate": "reset_subordinate of a port with N functions below it",
    "write": "Twenty writes of reset_method",
    "boot": "A boot with sixty functions, until init is started",
    "rescan": "A rescan of sixty functions",
    "sriov": "All VFs of igb, each with its driver",
    "recover": "Bringing back N NVMe controllers at once, each behind a port of its own",
}
CLOCKS = {"guest": "guest time (icount, one processor)", "wall": "wall time (two processors)"}
COLOURS = {"base": "#b0b0b0", "series": "#2a6fb0"}


def draw(name: str, points: list[dict], to: Path) -> None:
    """Bars in groups, a group for each line and x, a bar for each kernel; whiskers from the smallest to the largest."""
    lines = list(dict.fromkeys(p["line"] for p in points))
    groups = sorted(dict.fromkeys((p["line"], p["x"]) for p in points), key=lambda g: lines.index(g[0]))
    fig, panels = plt.subplots(1, 2, figsize=(13, 1.6 + 0.36 * len(groups)), sharey=True)
    for axes, (clock, title) in zip(panels, CLOCKS.items()):
        for n, kernel in enumerate(COLOURS):
            mine = {(p["line"], p["x"]): p for p in points if (p["kernel"], p["clock"]) == (kernel, clock)}
            there = [i for i, g in enumerate(groups) if g in mine]
            ms = [mine[groups[i]]["ms"] for i in there]
            spread = [[mine[groups[i]]["ms"] - mine[groups[i]]["low"] for i in there],
                      [mine[groups[i]]["high"] - mine[groups[i]]["ms"] for i in there]]
            bars = axes.barh([i + 0.38 * (n - 0.5) for i in there], ms, 0.36, color=COLOURS[kernel], label=kernel,
                             xerr=spread, error_kw={"lw": 1, "ecolor": "#444444"})
            axes.bar_label(bars, [f"{v:.1f}" if v < 1000 else f"{v:.0f}" for v in ms], padding=5, fontsize=8)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("milliseconds")
        axes.margins(x=0.14)
        axes.grid(axis="x", alpha=0.3)
        axes.set_axisbelow(True)
    panels[0].set_yticks(range(len(groups)), [f"{line.replace(',', ', ')}: {'N = ' + x if x.isdigit() else x}" for line, x in groups])
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="upper right", ncol=2, frameon=False)
    fig.suptitle(TITLES.get(name, name), x=0.02, ha="left", fontsize=12)
    fig.tight_layout()
    fig.savefig(to, dpi=110)
    plt.close(fig)


def main() -> None:
    """Draw every figure; print the names of the pictures."""
    points = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[2])
    for name in dict.fromkeys(p["figure"] for p in points):
        draw(name, [p for p in points if p["figure"] == name], folder / f"{name}.png")
        print(f"{name}.png")


main()
