"""How many mutants of the gateway's validators the tests notice; reads what `mutmut results --all true` prints."""

import sys
from collections import Counter
from collections.abc import Iterable

LEAST = 80
# What the excerpt vouches for is part of the envelope.
PARTS = {
    "signature": ("signature",),
    "envelope": ("envelope",),
    "excerpt": ("excerpt",),
    "envelope with excerpt": ("envelope", "excerpt"),
}
NOTICED = frozenset({"killed", "timeout"})


def scores(lines: Iterable[str]) -> tuple[list[str], bool]:
    """Return a line for each part, and whether tests notice enough of every part's mutants.

    Lines are as `gateway.signature.x_verifier__mutmut_1: killed`; those of other form are ignored.
    """
    total: Counter[str] = Counter()
    noticed: Counter[str] = Counter()
    for line in lines:
        name, _, verdict = line.strip().partition(": ")
        package, _, rest = name.partition(".")
        if package == "gateway" and verdict:
            module = rest.partition(".")[0]
            total[module] += 1
            noticed[module] += verdict in NOTICED
    report, enough = [], True
    for part, modules in PARTS.items():
        some, all_of = sum(noticed[each] for each in modules), sum(total[each] for each in modules)
        percent = 100 * some / all_of if all_of else 0.0
        report.append(f"mutants of {part}: {percent:.1f} % noticed, {some} of {all_of}, at least {LEAST} %")
        enough = enough and percent >= LEAST
    return report, enough


def main() -> int:
    """Print the scores of the results on standard input; 1 where one is too low, or nothing was tried."""
    report, enough = scores(sys.stdin)
    sys.stdout.write("".join(f"{line}\n" for line in report))
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
