"""Columns of scores that more than one pipeline has."""

from winnow.schema import Column

EARLY_PROBABILITY = Column(
    "early_probability",
    "float64",
    "mean probability of the given label over the checkpoints, lower is worse",
    low=0,
    high=1,
)
INFLUENCE = Column("influence", "float64", "HyDRA, mean over the reference, positive harms")
POINTS_HARMED = Column("points_harmed", "int64", "reference images that the rule min + std sees harmed", low=0)
VALUES = (
    Column("early_loss", "float64", "mean loss of the given label over the checkpoints, higher is worse", low=0),
    EARLY_PROBABILITY,
    Column("aum", "float64", "margin of the given label while training, lower is worse"),
    Column("gradient_norm", "float64", "mean norm of its gradient, higher is worse", low=0),
    Column("tracin", "float64", "TracIn of the mean reference loss, positive harms"),
    INFLUENCE,
    Column("influence_se", "float64", "its standard error over seeds, NaN for one seed"),
    Column("exact_influence", "float64", "the derivative with curvature, positive harms; NaN unless `valuation.exact`"),
    POINTS_HARMED,
    Column("nearest_reference", "str", "the reference image that it harms most"),
)
"""What each image does to a network that is trained on it."""

NEIGHBOURS = (
    Column("neighbour_label", "int64", "the label of most of the nearest neighbours, or -1", low=-1),
    Column("neighbour_agreement", "float64", "share of the neighbours that have that label", low=0, high=1),
    Column(
        "neighbour_distance",
        "float64",
        "from the nearest of its given label, in medians of the label; 1 is usual",
        low=0,
    ),
)
