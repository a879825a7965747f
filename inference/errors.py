"""The three errors a user can meet. Each message says where, what was found, what is allowed and what to do."""


class ConfigError(ValueError):
    """A run config is wrong: unknown key, wrong type, value out of range, or files that do not exist."""


class DataError(ValueError):
    """An article or a data file is wrong; the message names file:line or the article's id."""


class CheckpointError(ValueError):
    """A checkpoint folder is missing, damaged, of another format, or cannot do what was asked."""
