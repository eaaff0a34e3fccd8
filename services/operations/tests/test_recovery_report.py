"""What is printed says how many, which, and why; nothing secret."""

import json
from collections import Counter
from io import StringIO

import pytest
from operations.recovery.events import Position
from operations.recovery.originals import GONE, Missing
from operations.recovery.redrive import Candidate, Limits, Report
from operations.recovery.report import (
    as_object,
    print_event,
    print_list,
    print_plan,
    print_report,
    print_tally,
    print_trials,
)
from operations.recovery.selection import Tally
from operations.recovery.standing import Standing
from operations.recovery.trial import PASSES, Trial
from rich.console import Console

from .recovery_cases import failure, raw, refused
from .test_recovery_standing import action

FAILS = Trial("fails", ("currency_unknown",), ("currency: is not known",))


def console() -> Console:
    return Console(file=StringIO(), width=200)


def printed(on: Console) -> str:
    assert isinstance(on.file, StringIO)
    return on.file.getvalue()


def test_a_list_has_the_newest_first_and_counts_all() -> None:
    on = console()
    standings = [Standing(failure(number), 1, "open" if number else "closed", None) for number in range(3)]
    print_list(standings, 2, on)
    lines = printed(on).splitlines()
    assert [line.split()[0] for line in lines[1:3]] == [raw(2).event_id, raw(1).event_id]
    assert lines[-1] == "2 of 3 shown: 2 open, 1 closed"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_no_column_of_a_list_is_lost_in_a_narrow_terminal_or_a_pipe(is_terminal: bool) -> None:  # noqa: FBT001 -- a case
    on = Console(file=StringIO(), width=80, force_terminal=is_terminal, no_color=True, color_system=None)
    print_list([Standing(failure(0), 1, "open", None)], 2, on)
    names, row = printed(on).splitlines()[:2]
    assert names.split() == ["event", "provider", "type", "merchant", "quarantined", "by", "reasons", "state"]
    of_the_event = failure(0)
    for part in (of_the_event.event_id, of_the_event.event_type, *of_the_event.reason_codes, "open"):
        assert part
        assert part in row
    assert on.width == 80


def test_an_event_is_shown_with_its_reasons_and_places_and_without_what_is_secret() -> None:
    on = console()
    standing = Standing(failure(0), 2, "open", None)
    print_event(standing, [failure(0, kafka_offset=99)], (raw(0), FAILS), [action("closed")], on)
    said = printed(on)
    for part in (
        "amount_missing: amount_cents: is missing",
        "payments.validation.dlq[0]@0 (topic)",
        "payments.stripe.raw[0]@0 (topic)",
        "stripe-signature (13 characters)",
        "today        currency: is not known",
        "payments.validation.dlq[0]@99",
        "close by somebody: closed",
        "15 bytes",
    ):
        assert part in said
    assert "t=1,v1=secret" not in said
    assert 'evt_0"' not in said


def test_json_has_neither_body_nor_headers() -> None:
    said = json.dumps(as_object(Standing(refused(0), 1, "open", action("closed"))))
    assert "secret" not in said
    assert "payload" not in said
    assert json.loads(said)["last_action"]["outcome"] == "closed"


def test_trials_are_told_one_by_one_and_in_sum() -> None:
    on = console()
    trials = [PASSES, FAILS, FAILS]
    candidates = [Candidate(raw(n).event_id, "stripe", raw(n), each, ("was",)) for n, each in enumerate(trials)]
    print_trials(candidates, 2, on)
    said = printed(on)
    assert raw(1).event_id in said
    assert raw(2).event_id not in said
    assert "of 3 quarantined 1 would pass now\n  2 currency_unknown" in said


def test_a_plan_tells_what_would_be_sent_from_where_and_what_cannot() -> None:
    on = console()
    candidates = [
        Candidate("a", "stripe", raw(0), PASSES),
        Candidate("b", "stripe", raw(1), FAILS),
        Candidate("c", "stripe", Missing(GONE), Trial("fails", ("no_original",), (GONE,))),
        Candidate("d", "stripe", Missing(GONE), PASSES, restart=True),
    ]
    print_plan(candidates, Limits(rate=0.1), on)
    said = printed(on)
    assert "would send 2 of 4 events again, in about 20 s" in said
    assert "2 from the raw topic" in said
    assert "1 still fail: currency_unknown" in said
    assert f"1 cannot be sent: {GONE}" in said


def test_a_tally_tells_what_was_left_out_and_what_has_no_mapping() -> None:
    on = console()
    tally = Tally(matched=50, with_row=10, considered=40, passes=12, unsupported=Counter({"topup.succeeded": 28}))
    print_tally(tally, on, unsupported=True)
    assert printed(on).splitlines() == [
        "50 raw records matched",
        "  10 left out: with a row",
        "of 40 unsupported 12 would pass now",
        "  28 have no mapping: topup.succeeded",
    ]


def test_a_report_names_what_failed_and_why_it_stopped() -> None:
    on = console()
    place = Position("payments.stripe.raw", 0, 1)
    report = Report(
        written={"a": place, "b": place, "c": place},
        still_fails={"d": FAILS},
        not_found={"e": GONE},
        failed_again={"b": ("row_rejected",)},
        passed={"a"},
        stopped="interrupted",
    )
    print_report(report, "run-1", on)
    assert printed(on).splitlines() == [
        "run run-1: 3 sent again",
        "  1 have their row now",
        "  1 failed again",
        "  1 are on their way",
        "  d still fails, and stays: currency: is not known",
        f"  e cannot be sent: {GONE}",
        "  b failed again: row_rejected",
        "stopped: interrupted",
    ]


def test_a_long_list_is_cut_and_says_so() -> None:
    on = console()
    print_report(Report(not_found={str(n): GONE for n in range(25)}), "run-1", on)
    assert printed(on).count("cannot be sent") == 20
    assert "… and 5 more" in printed(on)
