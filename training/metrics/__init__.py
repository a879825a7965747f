"""Scores of predictions against gold: pure functions, and `evaluate` modules over them that load by path.

The functions stand in labels, summaries, spans and confidence; `evaluate.load("training/metrics/multilingual_rouge")` and the other
folders give them to users of the `evaluate` library. Nothing is imported here: the folders are named like what they measure.
"""
