"""How long the prompt gate takes for the texts that cost it most, and for an ordinary prompt.

    python bench/moderation_text.py [--length 4000] [--runs 5]

CPU time of one check in this process, the fastest of the runs: other processes of the machine add nothing to it.
"""

import argparse
import sys
import time

from ltx_mcp.moderation.policy import load_policy
from ltx_mcp.moderation.prompts import PromptGate

WORST = [
    "a", "a ", "a-", "*a", "1!", "!|", "1 ", "1 1 a ", "1!1!a", "s-", "aaab", "sss-eee-", "n u d e ", "p-o-o-o-",
    "nude lipstick ", "\u0301\u0327", "\ufdfa", "\u88f8", "\u0e40\u0e14", "\u0391\u039d", "schoolgirl ", "no nude ",
]  # fmt: skip
ORDINARY = "A fisherman mends his net on a foggy pier while two children watch, gulls call, slow push in, warm light. "


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--length", type=int, default=4_000, help="characters")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dry-run", action="store_true")
    arguments = parser.parse_args()
    if arguments.dry_run:
        arguments.length, arguments.runs = 200, 1
    print("command: python", *sys.argv)
    gate = PromptGate(load_policy())
    times = {unit: checked_ms(gate, unit, arguments.length, arguments.runs) for unit in WORST}
    worst = max(times, key=lambda unit: times[unit])
    for unit, milliseconds in sorted(times.items(), key=lambda item: -item[1]):
        print(f"{milliseconds:7.1f} ms  {unit!a}")
    print(f"worst {times[worst]:.1f} ms for {arguments.length} characters of {worst!a}")
    print(f"ordinary prompt of {len(ORDINARY)} characters: {checked_ms(gate, ORDINARY, len(ORDINARY), 20):.2f} ms")


def checked_ms(gate: PromptGate, unit: str, length: int, runs: int) -> float:
    text = (unit * length)[:length]
    times = []
    for _ in range(runs):
        began = time.process_time()
        gate.check(text)
        times.append((time.process_time() - began) * 1e3)
    return min(times)


if __name__ == "__main__":
    main()
