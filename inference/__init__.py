"""Label news articles by topic and stance and sum them up, with a trained checkpoint.

>>> from inference import summarize
>>> summarize("Rain fell for three days. The river rose by two metres.")  # doctest: +SKIP
'The river rose by two metres.'

Importing this package registers the model, so that `transformers.AutoModel.from_pretrained` reads its checkpoints.
"""

from inference.analysis import Analysis
from inference.analyzer import Analyzer
from inference.api import Classification, analyze, classify, summarize
from inference.article import Article, Stance
from inference.errors import CheckpointError, ConfigError, DataError

__all__ = [
    "Analysis",
    "Analyzer",
    "Article",
    "CheckpointError",
    "Classification",
    "ConfigError",
    "DataError",
    "Stance",
    "analyze",
    "classify",
    "summarize",
]
