"""What the page says of each subject: plots, tables beside them, and the few numbers that stand above all."""

from collections import Counter
from decimal import Decimal
from typing import get_args

from analytics.report import draw
from analytics.report.outline import PLOTTED, Cell, Headline, Section, amount_cell, begin, left_out, rate_cell, table
from analytics.report.read import Answers
from analytics.report.rows import Band, Step
from analytics.report.text import NOTHING, amount, counted, month, number, percentage, words


def build_sections(answers: Answers) -> tuple[Section, ...]:
    """All subjects in their order."""
    return (
        _volume(answers),
        _success(answers),
        _declines(answers),
        _recovery(answers),
        _health(answers),
        _quarantine(answers),
    )


def _volume(answers: Answers) -> Section:
    section = begin(answers.volume, "Payments and what they brought, each payment once, on the day it was made.")
    found = answers.volume.rows
    if not found:
        return section()
    counts: Counter[str] = Counter()
    captured: dict[str, Decimal] = {}
    net: dict[str, Decimal] = {}
    for each in found:
        counts[each.currency] += each.payment_count
        captured[each.currency] = captured.get(each.currency, Decimal(0)) + each.captured_major
        net[each.currency] = net.get(each.currency, Decimal(0)) + each.net_major
    order = [currency for currency, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    shown = order[:PLOTTED]
    totals = table(
        "All days, by currency",
        answers.volume,
        ("Currency", "Payments", "Received", "Net"),
        [(each, counts[each], amount_cell(captured[each], each), amount_cell(net[each], each)) for each in order],
    )
    by_day = {(each.event_date, each.currency): each for each in found}
    daily = table(
        "Received by day, a column for each currency",
        answers.volume,
        ("Day", *shown),
        [
            (
                str(day),
                *(
                    amount_cell(by_day[day, each].captured_major if (day, each) in by_day else None, each)
                    for each in shown
                ),
            )
            for day in sorted({each.event_date for each in found})
        ],
    )
    return section(
        tables=(totals, daily),
        drawings=tuple(draw.draw_volume(found, each, answers.period) for each in shown),
        left_out=left_out(len(order), "currencies"),
        headlines=(
            Headline("Payments", (number(counts.total()),), "in all currencies", "volume"),
            Headline(
                "Received",
                tuple(f"{amount(captured[each], each)} {each}" for each in shown),
                "before refunds, disputes and fees" if len(order) <= PLOTTED else "and further currencies below",
                "volume",
            ),
        ),
    )


def _success(answers: Answers) -> Section:
    section = begin(
        answers.success,
        "Of the payments that came to an end, the part that succeeded. Rates are of counts: no amounts are added.",
    )
    found = answers.success.rows
    if not found:
        return section()
    good: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    for each in found:
        good[each.provider] += each.succeeded_count
        bad[each.provider] += each.failed_count
    order = sorted(good, key=lambda provider: (-good[provider] - bad[provider], provider))
    shown = order[:PLOTTED]
    totals = table(
        "All days, by provider",
        answers.success,
        ("Provider", "Succeeded", "Failed", "Success rate"),
        [(words(each), good[each], bad[each], rate_cell(good[each], good[each] + bad[each])) for each in order],
    )
    by_day = {(each.event_date, each.provider): each for each in found}
    daily = table(
        "Success rate by day, a column for each provider",
        answers.success,
        ("Day", *(words(each) for each in shown)),
        [
            (
                str(day),
                *(
                    rate_cell(row.succeeded_count, row.succeeded_count + row.failed_count)
                    if (row := by_day.get((day, each)))
                    else Cell(NOTHING)
                    for each in shown
                ),
            )
            for day in sorted({each.event_date for each in found})
        ],
    )
    ended = good.total() + bad.total()
    return section(
        tables=(totals, daily),
        drawings=tuple(draw.draw_success(found, each, answers.period) for each in shown),
        left_out=left_out(len(order), "providers"),
        headlines=(
            Headline(
                "Success rate",
                (percentage(good.total(), ended),),
                f"of {counted(ended, 'payment')} that came to an end",
                "success",
            ),
        ),
    )


def _declines(answers: Answers) -> Section:
    section = begin(
        answers.declines,
        "Failed attempts by why they failed, in whole months, and what became of each: the next attempt brought the"
        " money, or failed again; none came yet, or none will.",
    )
    found = answers.declines.rows
    if not found:
        return section()
    return section(
        tables=(
            table(
                "Failed attempts by category",
                answers.declines,
                ("Category", "Failed", "Recovered", "Failed again", "Open", "Lost"),
                [
                    (
                        words(each.failure_category),
                        each.failed_count,
                        each.recovered_count,
                        each.again_count,
                        each.open_count,
                        each.lost_count,
                    )
                    for each in found
                ],
            ),
        ),
        drawings=(draw.draw_declines(found),),
    )


def _recovery(answers: Answers) -> Section:
    section = begin(
        answers.recovery,
        "Claims that failed at least once, in whole months, and how far their recovery came: a plot for each currency.",
    )
    found = answers.recovery.rows
    if not found:
        return section()
    steps = get_args(Step)
    by_step = {(each.currency, each.step): each for each in found}
    failed = {currency: each.claim_count for (currency, step), each in by_step.items() if step == "failed"}
    order = sorted(failed, key=lambda currency: (-failed[currency], currency))
    told = [[by_step[currency, step] for step in steps] for currency in order]
    heads = ("Currency", *(each.capitalize() for each in steps))
    tables = (
        table(
            "Claims by currency",
            answers.recovery,
            heads,
            [(each[0].currency, *(step.claim_count for step in each)) for each in told],
        ),
        table(
            "What they asked for, and brought",
            answers.recovery,
            heads,
            [(each[0].currency, *(amount_cell(step.amount_major, step.currency) for step in each)) for each in told],
        ),
    )
    recovered = sum(each.claim_count for each in found if each.step == "recovered")
    over = recovered + sum(each.claim_count for each in found if each.step == "lost")
    return section(
        tables=tables,
        drawings=tuple(draw.draw_funnel(each) for each in told[:PLOTTED] if each[0].amount_major is not None),
        left_out=left_out(len(told), "currencies"),
        headlines=(
            Headline(
                "Claims recovered",
                (percentage(recovered, over),),
                f"{number(recovered)} of {number(over)} that were recovered or lost",
                "recovery",
            ),
        ),
    )


def _health(answers: Answers) -> Section:
    section = begin(
        answers.health,
        "Scores from 0 to 100, made of five rates with a weight each; each score says what it is made of.",
    )
    found = answers.health.rows
    if not found:
        return section()
    last = found[0].score_month
    counts = Counter({(each.score_month, each.band): each.merchant_count for each in answers.bands.rows})
    lowest = table(
        f"The lowest scores of {month(last)}, and why",
        answers.health,
        ("Merchant", "Payments", "Score", "Band", "Why"),
        [
            (
                each.merchant_id,
                each.payment_count,
                Cell(str(each.score), is_number=True) if each.score is not None else Cell(NOTHING),
                words(each.band),
                each.explanation,
            )
            for each in found
        ],
    )
    bands = table(
        "Merchants by month and band",
        answers.bands,
        ("Month", *(words(each).capitalize() for each in get_args(Band))),
        [
            (month(each), *(counts[each, band] for band in get_args(Band)))
            for each in sorted({first for first, _ in counts})
        ],
    )
    total = sum(counts[last, band] for band in get_args(Band))
    return section(
        tables=(bands, lowest),
        drawings=(draw.draw_health(found),),
        headlines=(
            Headline(
                "Merchants at risk",
                (number(counts[last, "at_risk"]),),
                f"of {number(total)} in {month(last)}",
                "bands",
            ),
        ),
    )


def _quarantine(answers: Answers) -> Section:
    section = begin(
        answers.quarantine,
        "Events that could not go on, each once, by the first reason: passed since, redriven, closed by a person, or"
        " open.",
    )
    found = answers.quarantine.rows
    if not found:
        return section()
    waiting = sum(each.event_count for each in found if each.state == "open")
    total = sum(each.event_count for each in found)
    return section(
        tables=(
            table(
                "Quarantined events by reason and state",
                answers.quarantine,
                ("Reason", "What has to change", "State", "Events"),
                [(words(each.reason_code), words(each.recoverability), each.state, each.event_count) for each in found],
            ),
        ),
        drawings=(draw.draw_quarantine(found),),
        headlines=(
            Headline("Open in quarantine", (number(waiting),), f"of {number(total)} quarantined events", "quarantine"),
        ),
    )
