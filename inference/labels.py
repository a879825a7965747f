"""Label sets, ordered: the order is the order of the logits and is stored in every checkpoint.

Topics are the 17 top-level IPTC Media Topics (https://iptc.org/standards/media-topics/) as slugs; a run config may name
any other set. Stances are fixed: they are what the stance head, its loss and its scores are built on.
"""

IPTC_TOPICS: tuple[str, ...] = (
    "arts",
    "conflict",
    "crime",
    "disaster",
    "economy",
    "education",
    "environment",
    "health",
    "human_interest",
    "labour",
    "lifestyle",
    "politics",
    "religion",
    "science_technology",
    "society",
    "sport",
    "weather",
)

STANCES: tuple[str, ...] = ("favor", "against", "neutral", "unrelated")
"""favor, against: takes that side; neutral: deals with the target and takes no side; unrelated: does not deal with it."""
