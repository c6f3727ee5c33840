"""The section that explains the page to someone who knows no statistics."""

from bakeoff.record import Outcome
from bakeoff_reports import words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.content import Content, Definitions, Heading, paragraph, strong
from bakeoff_reports.device_views import EXPLAINED, on_devices


def reading(analysis: Analysis) -> Content:
    """Explain times, ratios, intervals, verdicts, errors and outcomes in plain words."""
    reference = analysis.reference
    effect = f"{100 * analysis.minimum_effect:g}{words.NARROW}%"
    return [
        paragraph(
            "Every backend was given the same inputs, bit for bit, and asked for the same thing. "
            "Three questions are answered of each: is the answer right, how long did it take, and "
            "is a difference in time more than chance?"
        ),
        Definitions(
            (
                (
                    "Time",
                    paragraph(
                        "How long one call took, once everything is warm. Many calls are timed "
                        "together in a block; the number is the middle one of the blocks, and of "
                        "the processes. The first call, compilation and the moving of data are "
                        "kept apart, since you pay for them once."
                    ),
                ),
                *(
                    (("Time on a device", paragraph(EXPLAINED)),) if on_devices(analysis) else ()
                ),
                (
                    f"× {reference}",
                    paragraph(
                        f"The time divided by {reference}'s, measured in turns on the same machine "
                        f"within moments of each other. 0.5 is half the time; 1 is the same; 2 is "
                        "twice as long. Below 1 is faster."
                    ),
                ),
                (
                    "Interval, such as 0.48–0.53",
                    paragraph(
                        "Starting the same program again gives a slightly different time, so a "
                        "single number is never the whole truth. Both programs were started afresh "
                        "several times; the interval holds the ratios that agree with what was "
                        "seen. Intervals made this way hold the true ratio 95 times in 100. Wide "
                        "means: we do not know well."
                    ),
                ),
                (
                    "Verdict",
                    paragraph(
                        strong("faster"), " or ", strong("slower"),
                        f" if the whole interval lies beyond a difference of {effect}; ",
                        strong("same"), f" if all of it lies within {effect}; ",
                        strong("cannot tell"), " otherwise: an honest answer, which a longer run "
                        "may settle. A page holds many comparisons, and of a hundred intervals a "
                        "few miss by chance: faster and slower are said only where the chance "
                        "that any of them on this page is wrong stays below 5 in 100.",
                    ),
                ),
                (
                    "Noise floor",
                    paragraph(
                        f"{reference} was also raced against itself. Whatever difference that "
                        "shows is noise, and any difference of one pair of processes that is "
                        "smaller deserves no belief."
                    ),
                ),
                (
                    "Average over cells",
                    paragraph(
                        "Ratios are averaged as ratios (the geometric mean), so that twice as fast "
                        "and twice as slow cancel. Only cells that both sides did well count; how "
                        "many stands beside it. A missing cell is never taken for a tie."
                    ),
                ),
                (
                    "Score",
                    paragraph(
                        "The mean of what each column of the scorecard gives, from worst to best, "
                        "weighted. Other weights give other scores: it answers only for whoever "
                        "shares them. The columns say what was measured."
                    ),
                ),
                (
                    "Of ceiling",
                    paragraph(
                        "How near the time is to the least that this machine allows, as measured "
                        "in the same run: the rate of a matrix product (arithmetic), of copying "
                        "(memory), or a call of nothing. 100 % leaves nothing to gain; a clever "
                        "algorithm may get past it. What is faster than any honest computation "
                        "can be is called ", strong("implausible"), ", and not ranked.",
                    ),
                ),
                (
                    "Error, of its bound",
                    paragraph(
                        "Each answer is compared with one computed in double precision. For each "
                        "operation mathematics says how large a rounding error may be; the number "
                        "is the worst error divided by that bound. Up to 1 is right. Beyond 1 no "
                        "rounding explains the difference: a mismatch."
                    ),
                ),
            )
        ),
        Heading("Outcomes", 3),
        Definitions(
            tuple(
                (words.OUTCOME_WORDS[o], paragraph(words.OUTCOME_MEANINGS[o] + "."))
                for o in Outcome
            )
        ),
    ]  # fmt: skip
