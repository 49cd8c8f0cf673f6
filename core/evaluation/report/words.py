"""How the report names what is compared and what is counted."""

from core.data.rules import RankingRule

WAYS = {
    "model": "model",
    "own_text": "each clip with its own text",
    "image_only": "picture alone",
    "text_only": "text alone",
    "shuffled_text": "another lesion's text",
    "location_only": "segment and size alone",
    "colour_histogram": "colour histogram",
}
STRATA = {
    "size": "Size, as the query's text says",
    "segment": "Segment of the colon, as the query's text says",
    "light": "Light of the query",
    "light_change": "Light of the query and of the earlier exam",
    "gap_months": "Months since the lesion was seen",
}
REASONS = {
    "no_match_recognised": "“no good match” said of new lesions",
    "no_match_missed": "“no good match” said of known lesions",
    "no_match_auroc": "known or new: AUROC",
    "fnir_at_fpir5": "FNIR at FPIR 5 %",
    "rank1": "Rank-1",
    "chance": "chance",
    "ece": "calibration error",
}


def identity_word(ranking: RankingRule) -> str:
    """What an identity is in these data."""
    return "lesion" if ranking.patients else "person"


def way_words(name: str) -> str:
    """A way in words; one that has none is named as it is."""
    return WAYS.get(name, name.replace("_", " "))
