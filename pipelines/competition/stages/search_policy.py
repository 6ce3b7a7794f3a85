"""Search an augmentation policy on the cleaned training images (Faster AutoAugment)."""

from winnow import stage
from winnow.augmentation.policy.policy import Policy, write_policy
from winnow.competition.copies import cleaned_parts
from winnow.competition.pool import squares
from winnow.workspace import Workspace

_SIDE = 32


def main(params: stage.Declared) -> str:
    workspace, options = Workspace(), params.policy_search
    path, scratch = workspace.path("competition_policy"), workspace.scratch("search_policy")
    if not options.enabled:
        write_policy(Policy(()), path)
        return "off; policy_search.enabled in params.yaml turns it on"
    from winnow.augmentation.policy.search import SearchSettings, search_policy
    from winnow.device import best_device

    images = workspace.table("round", number="2").merge(workspace.table("pool", ["image_id", "split", "image_bytes"]))
    names, few = params.competition.class_names, params.copies.validation_per_class
    training, _ = cleaned_parts(images, class_names=names, validation_per_class=few)
    policy = search_policy(
        squares(training["image_bytes"].tolist(), side=_SIDE),
        training["final_label"].to_numpy(),
        num_classes=len(names),
        settings=SearchSettings(**options.model_dump(exclude={"enabled", "seed"})),
        seed=options.seed,
        scratch=scratch,
        device=best_device(),
    )
    write_policy(policy, path)
    workspace.remove_scratch("search_policy")
    return f"{len(policy.sub_policies)} sub-policies of {options.length} operations in {path}"


if __name__ == "__main__":
    stage.run("search_policy", main)
