"""Plots say what their numbers say, can be read without colors, and are whole XML whatever a name holds."""

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest

from training.report_page import PAGE
from training.report_plots import length_plot, positions_plot, reliability_diagram, risk_coverage_plot, training_curves
from training.report_scores import STRONGEST_TINT
from training.report_svg import SERIES, STYLE, Scale, keep_apart, mark, radius, rounded_up
from training.results import Bin, Positions, Reliability, Row

RELIABILITY = Reliability(
    "stance",
    n=100,
    temperature=2.029,
    ece_before=0.1904,
    ece=0.05,
    bins=(Bin(20, 0.5, 0.25), Bin(80, 0.95, 0.9)),
    risk_coverage=((0.25, 0.0, 0.9), (0.52, 0.1, 0.7), (1.0, 0.23, 0.2)),
)


def parsed(figure: str) -> ElementTree.Element:
    return ElementTree.fromstring(figure)


def texts(figure: str) -> list[str]:
    return ["".join(element.itertext()) for element in parsed(figure).iter("text")]


def caption(figure: str) -> str:
    found = parsed(figure).find("figcaption")
    assert found is not None
    return "".join(found.itertext())


def length_rows() -> list[Row]:
    scores = {"model": (0.5, (0.4, 0.6)), "majority": (0.25, None)}
    return [
        Row("topic", "length", group, system, n, {"macro_f1": value}, {"macro_f1": bounds} if bounds else {})
        for group, n in (("up to 100 words", 1200), ("over 1,000 words", 12))
        for system, (value, bounds) in scores.items()
    ]


def every_figure() -> list[str]:
    history = [{"step": 10, "loss_topic": 2.0}, {"step": 20, "loss_topic": 1.0, "eval_score": 0.5}]
    return [
        reliability_diagram(RELIABILITY),
        risk_coverage_plot([RELIABILITY]),
        *re.findall(r"<figure.*?</figure>", training_curves(history, 20)),
        positions_plot([Positions("model", 10, (0.5, 0.5, *[0.0] * 8))]),
        length_plot("topic", length_rows(), "macro_f1", "macro F1", 3),
    ]


@pytest.mark.parametrize("figure", every_figure(), ids=["reliability", "risk", "losses", "scores", "positions", "length"])
def test_figures_are_whole_and_say_in_words_what_they_draw(figure: str) -> None:
    svg = parsed(figure).find("svg")
    assert svg is not None
    assert svg.get("role") == "img"
    assert svg.get("viewBox", "").startswith("0 0 360 ")
    named = [svg.find(name) for name in ("title", "desc")]
    assert [element is not None and bool(element.text) for element in named] == [True, True]
    assert svg.get("aria-labelledby") == " ".join(element.get("id", "") for element in named if element is not None)
    assert not re.search(r"#[0-9a-f]{3}|rgb|fill=|stroke=", figure), "colors belong to the page, which has two sets of them"


def test_figures_of_one_page_have_names_of_their_own() -> None:
    names = re.findall(r' id="([^"]+)"', "".join(every_figure()))
    assert len(names) == len(set(names)) == 12


def test_a_circle_stands_at_its_confidence_and_share_of_right_answers() -> None:
    figure = reliability_diagram(RELIABILITY)
    # the drawing area: 46 to 338 across, 252 up to 34; a quarter of the answers has half the radius
    assert '<circle class="answers s0" cx="192.0" cy="197.5" r="7.5"><title>confidence 50%, right 25%, n = 20</title></circle>' in figure
    assert '<circle class="answers s0" cx="323.4" cy="55.8" r="15.0"><title>confidence 95%, right 90%, n = 80</title></circle>' in figure
    assert figure.index('r="15.0"') < figure.index('r="7.5"'), "small circles are drawn last, so that no large one hides them"
    assert '<line class="aside" x1="46" y1="252" x2="338" y2="34"/>' in figure


def test_calibration_errors_stand_in_the_caption() -> None:
    assert caption(reliability_diagram(RELIABILITY, "0.030–0.070")) == (
        "Reliability, stance. Area of a circle: its share of 100 answers. "
        "Calibration error (ECE) 0.190 without the temperature of 2.03, 0.050 (0.030–0.070) with it, as drawn."
    )
    plain = Reliability("topic", 100, 1.0, 0.05, 0.05, RELIABILITY.bins, ())
    assert caption(reliability_diagram(plain)).endswith("Calibration error (ECE) 0.050; the checkpoint has no temperature for this task.")


def test_risk_against_coverage_names_the_surest_half() -> None:
    figure = risk_coverage_plot([RELIABILITY])
    assert caption(figure).endswith("stance: 10.0% wrong among the surest 52% (min_confidence 0.70), 23.0% among 100% (0.20), 23.0% among all 100.")
    assert '<polyline class="line s0" points="101.5,252.0 161.4,164.8 268.0,51.4"/>' in figure  # 23% on a scale to 25%
    assert "stance" in texts(figure)


def test_training_curves_leave_out_what_is_no_number() -> None:
    history = [
        {"step": 100, "loss": 3.0, "loss_topic": 2.0},
        {"step": 200, "loss": float("nan"), "loss_topic": float("inf")},
        {"step": 300, "loss_topic": "1.0"},
        {"step": 400, "loss_topic": 1.0, "loss_stance": 1.5},
    ]
    figure = training_curves(history, None)
    assert figure.count("<figure") == 1  # no dev scores were logged
    assert '<polyline class="line s0" points="96.5,34.0 248.0,143.0"/>' in figure
    assert '<polyline class="line s1" points="248.0,88.5"/>' in figure
    assert [name for name in texts(figure) if name in ("topic", "stance", "loss")] == ["topic", "stance"]


def test_training_curves_mark_the_best_step() -> None:
    history = [{"step": step, "eval_score": score, "eval_rouge1": 0.3} for step, score in ((100, 0.4), (200, 0.5), (300, 0.45))]
    figure = training_curves(history, 200)
    assert "best: 200" in texts(figure)
    assert f'<line class="aside" x1="{46 + 202 * 2 / 3:.1f}" x2="180.7" y1="252" y2="34"/>' in figure
    assert caption(figure).endswith("The weights of step 200 were kept.")
    assert {"ROUGE-1", "selection"} <= set(texts(figure))
    assert training_curves([], 200) == ""


def test_the_model_is_drawn_first_and_as_bars() -> None:
    shares = (0.5, 0.25, 0.25, *[0.0] * 7)
    figure = positions_plot([Positions("lead-1", 40, (1.0, *[0.0] * 9)), Positions("model", 1200, shares), Positions("nothing", 0, shares)])
    bars = re.findall(r'<rect class="bar s0" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', figure)
    assert bars[:2] == [("48.0", "143.0", "25.2", "109.0"), ("77.2", "197.5", "25.2", "54.5")]
    assert len(bars) == 10
    assert [name for name in texts(figure) if "sentences" in name] == ["chosen sentences", "model, 1,200 sentences", "lead-1, 40 sentences"]
    assert caption(figure) == "Where summary sentences stand. From the first tenth of the article: model 50%, lead-1 100%."


def test_scores_by_length_have_their_interval_and_n() -> None:
    figure = length_plot("topic", length_rows(), "macro_f1", "macro F1", 3)
    assert [name for name in texts(figure) if "words" in name] == ["up to 100 words, n = 1,200", "over 1,000 words, n = 12"]
    # 14 to 330 across, on a scale to 0.6
    assert '<line class="range s0" x1="224.7" x2="330.0" y1="74" y2="74"/>' in figure
    assert '<circle class="mark s0" cx="277.3" cy="74.0" r="4.5"/><title>model: 0.500 (0.400–0.600)</title>' in figure
    assert "<title>majority: 0.250</title>" in figure
    assert figure.count('class="range s1"') == 0  # no interval was given
    assert length_plot("topic", length_rows(), "accuracy", "acc.", 3) == ""


def test_nothing_to_draw_is_no_figure() -> None:
    assert positions_plot([]) == ""
    assert risk_coverage_plot([]) == ""
    assert reliability_diagram(Reliability("topic", 0, 1.0, 0.0, 0.0, (), ())) == ""


def test_names_are_escaped_everywhere() -> None:
    name = '<i>&"x'
    rows = [Row("topic", "length", name, name, 5, {"macro_f1": 0.5})]
    figures = [
        length_plot(name, rows, "macro_f1", name, 3),
        positions_plot([Positions("model", 1, (1.0, *[0.0] * 9)), Positions(name, 1, (1.0, *[0.0] * 9))]),
        reliability_diagram(Reliability(name, 1, 1.0, 0.0, 0.0, (Bin(1, 0.5, 1.0),), ((1.0, 0.0),))),
        risk_coverage_plot([Reliability(name, 1, 1.0, 0.0, 0.0, (Bin(1, 0.5, 1.0),), ((1.0, 0.0, 0.5),))]),
    ]
    for figure in figures:
        parsed(figure)
        assert "<i>" not in figure


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 0.05, [0, 0.01, 0.02, 0.03, 0.04, 0.05]), (0, 4431, [0, 1000, 2000, 3000, 4000]), (0, 170, [0, 50, 100, 150])],
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert Scale(low, high, 0, 100).ticks() == pytest.approx(ticks)


@pytest.mark.parametrize(("value", "end"), [(0.87, 1.0), (1.0, 1.0), (31.26, 40.0), (0.003, 0.003), (0.0, 1.0)])
def test_a_scale_ends_where_a_tick_is(value: float, end: float) -> None:
    assert rounded_up(value) == pytest.approx(end)


def test_labels_keep_apart_and_inside() -> None:
    assert keep_apart([100, 101, 102], 0, 200, gap=16) == [100, 116, 132]
    assert keep_apart([198, 199, 10], 0, 200, gap=16) == [184, 200, 10]
    assert keep_apart([5, 5, 5], 0, 20, gap=16) == [0, 16, 32]  # more than there is room for: apart all the same


def test_the_area_of_a_circle_is_its_share() -> None:
    assert radius(1.0) == 15
    assert radius(0.25) == 7.5
    assert radius(0.0) == 2.5


def test_series_differ_without_color() -> None:
    shapes = {mark(series, 0, 0).replace(f"s{series}", "") for series in range(SERIES)}
    assert len(shapes) == SERIES
    dashes = re.findall(r"\.line\.s(\d) \{ stroke-dasharray: ([\d ]+); \}", STYLE)
    assert len({dash for _, dash in dashes}) == len(dashes) == SERIES - 1  # the first is solid


# How people with each kind of color blindness see linear RGB (Machado, Oliveira and Fernandes 2009, severity 1.0)
VISION = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
COLORS = ("series-0", "series-1", "series-2", "series-3", "ink")


def palettes() -> list[dict[str, str]]:
    """The colors of light and of dark screens."""
    return [dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", PAGE, re.DOTALL)]


def linear(color: str) -> list[float]:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def contrast(one: str, other: str) -> float:
    """As WCAG 2 has it, 1 to 21."""
    dark, light = sorted(0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in (linear(one), linear(other)))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: list[float]) -> tuple[float, float, float]:
    red, green, blue = (min(max(part, 0.0), 1.0) for part in rgb)
    x, y, z = (
        value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116
        for value in (
            (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047,
            0.2126 * red + 0.7152 * green + 0.0722 * blue,
            (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883,
        )
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("palette", palettes(), ids=["light", "dark"])
def test_colors_stand_out_from_the_page(palette: dict[str, str]) -> None:
    assert min(contrast(palette[name], palette["card"]) for name in COLORS) >= 3  # of graphics, by WCAG 2.1
    assert min(contrast(palette[text], palette[ground]) for text in ("ink", "quiet") for ground in ("card", "paper", "tint", "warm")) >= 4.5
    for name in ("series-0", "series-1"):  # behind the cells of a confusion matrix
        pairs = zip(*([int(palette[color][place : place + 2], 16) for place in (1, 3, 5)] for color in (name, "card")), strict=True)
        tinted = "#" + "".join(f"{round((STRONGEST_TINT * color + (100 - STRONGEST_TINT) * card) / 100):02x}" for color, card in pairs)
        assert contrast(palette["ink"], tinted) >= 4.5


@pytest.mark.parametrize("palette", palettes(), ids=["light", "dark"])
@pytest.mark.parametrize("vision", VISION)
def test_colors_are_told_apart_with_any_color_vision(vision: str, palette: dict[str, str]) -> None:
    seen = {name: lab([sum(weight * part for weight, part in zip(row, linear(palette[name]), strict=True)) for row in VISION[vision]]) for name in COLORS}
    distances = [sum((one - other) ** 2 for one, other in zip(seen[a], seen[b], strict=True)) ** 0.5 for a, b in combinations(COLORS, 2)]
    assert min(distances) > 15  # 2.3 can just be noticed side by side
