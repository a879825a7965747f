"""What the results files say about vocabularies, bases, runs from a base, and topics, as blocks of Markdown for README.md and model_card.md.

In: the folder of the results files. Out: a table each; `MissingResultError` names the command that makes a missing file.
Does not know: the documents, or how anything is measured.
"""

from pathlib import Path

from benchmarks.doc_blocks import read_result, share, table

THIN = 100
"""Public training articles under which a topic is called thin."""

SCORES = {"topic_macro_f1": "topic macro F1", "stance_macro_f1": "stance macro F1", "rouge1": "ROUGE-1", "cleaning_f1": "boilerplate F1"}


def vocabulary_block(results: Path) -> str:
    """Tokens a word of each kind and size of vocabulary."""
    found = read_result("vocabulary.json", results)["tokenizers"]
    lines = []
    for name, one in found.items():
        worst = f"{one['languages'][one['worst']]:.2f} ({one['worst']})"
        lines.append((name, f"{one['tokens_a_word']:.2f}", worst, f"{one['bytes_of_all_tokens']:.2%}", f"{one['seconds']:.0f}"))
    languages = len(next(iter(found.values()))["languages"])
    return table(["vocabulary", f"tokens a word, mean of {languages} languages", "most", "tokens that are bytes", "seconds to train"], lines)


def pretraining_block(results: Path) -> str:
    """Contenders of the pretraining job at small scale."""
    result = read_result("pretraining.json", results)
    settings = result["settings"]
    lines = [
        (name, f"{one['seconds']:.0f}", f"{one['bits_per_byte']:.2f}" if one["bits_per_byte"] else "", share(one["topic_macro_f1"]))
        for name, one in result["contenders"].items()
    ]
    return table([f"{settings['tokens']:,} tokens each", "seconds", "held-out bits per byte", "topic macro F1 of a linear probe"], lines)


def base_block(results: Path) -> str:
    """What the base of the released checkpoint read, as its broadsheet.json says it."""
    base = read_result("release.json", results)["trained"]["base"]
    languages = len(base["bits_per_byte"]) - 1  # the mean stands among them
    return (
        f"The base read {base['tokens']:,} tokens in {base['seconds'] / 60:.0f} minutes and has {base['parameters']:,} parameters; it needs "
        f"{base['bits_per_byte']['mean']:.2f} bits per byte of held-out text, mean of {languages} languages.\n"
    )


def choices_block(results: Path) -> str:
    """Runs of configs/release.yaml and configs/news.yaml, with their dev scores."""
    runs = read_result("choices.json", results)["runs"]
    lines = []
    for name, one in runs.items():
        scores = [one["scores"].get(score) for score in SCORES]
        shown = ["" if score is None else f"{100 * score:.1f}" if key.startswith("rouge") else share(score) for key, score in zip(SCORES, scores, strict=True)]
        lines.append((name, f"{one['tokens']:,}", *shown))
    return table(["run, scored on dev", "tokens", *SCORES.values()], lines)


def ngrams_block(results: Path) -> str:
    """Encoder alone, n-grams or words alone, both: every task on each dev set."""
    result = read_result("ngrams.json", results)
    lines = []
    for task, scores in result["scores"].items():
        what = task.replace("_", " ").replace(" f1", " F1").replace("rouge1", "ROUGE-1")
        shown, systems = "{:.1f}".format if "rouge" in task else share, list(scores)
        means = (shown(sum(scores[system].values()) / len(scores[system])) for system in systems)
        lines.append((what, f"mean of {len(scores[systems[0]])} sets", *means))
        lines += [(what, source, *(shown(scores[system][source]) for system in systems)) for source in scores[systems[0]]]
    return table(["score", "dev set", "encoder alone", "n-grams or words alone", "both"], lines, left=2)


def topics_block(results: Path) -> str:
    """How well each topic is covered, the thinnest first."""
    found = read_result("topics.json", results)["topics"]
    lines = []
    for topic, row in sorted(found.items(), key=lambda item: int(item[1]["training"])):
        thin = " (thin)" if row["training"] < THIN else ""
        trained = (f"{row['training']:,}", str(row["sources"]), str(row["languages"]), f"{row['written']:,}")
        lines.append((f"`{topic}`{thin}", *trained, f"{row['right']} of {row['test']}", str(row["predicted"])))
    right, test = (sum(row[name] for row in found.values()) for name in ("right", "test"))
    titles = ["topic", "public training articles", "sets", "languages", "written for this project", "of the sample's test articles, found", "named"]
    return table(titles, [*lines, ("all", "", "", "", "", f"{right} of {test}", "")])


def mistakes_block(results: Path) -> str:
    """The surest wrong topics on the sample's test articles."""
    found = read_result("topics.json", results)["mistakes"]
    return "".join(
        f"- {one['lang']}, `{one['id']}`, “{one['title']}”: `{one['named']}` with {one['confidence']:.0%}; it is about `{one['gold']}`\n" for one in found
    )
