"""Score how far every image lies from the others (kNN distance, Mahalanobis)."""

from winnow import stage, tables
from winnow.detect.ood import score_ood

FEATURES = "data/interim/features.npz"
PRED_PROBS = "data/interim/pred_probs.npz"


def main(params) -> str:
    probe = tables.read_arrays(PRED_PROBS)
    image_id = probe["image_id"]
    arrays = tables.read_arrays(FEATURES)
    features = arrays["features"][tables.align(image_id, arrays["image_id"], FEATURES)]

    scores = score_ood(features, probe["pred_probs"], neighbours=params.ood.neighbours, trim=params.ood.trim)
    scores.insert(0, "image_id", image_id)
    tables.write_parquet(scores, "data/interim/ood_scores.parquet")
    return f"{(scores['ood_score'] > 3).sum()} of {len(scores)} images beyond 3 robust standard deviations"


if __name__ == "__main__":
    stage.run("score_ood", main)
