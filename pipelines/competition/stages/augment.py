"""The sets of both arms: the raw images, and the cleaned ones with copies."""

from winnow import stage
from winnow.augmentation.policy.policy import read_policy
from winnow.competition.copies import arms
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    sets = arms(
        workspace.table("pool"),
        workspace.table("round", number="2"),
        class_names=params.competition.class_names,
        policy=read_policy(workspace.path("competition_policy")),
        **params.copies.model_dump(exclude={"policy"}),
    )
    for (arm, part), packed in sets.items():
        workspace.write("competition_set", packed, arm=arm, part=part)
    return ", ".join(f"{arm} {part} {len(packed)}" for (arm, part), packed in sets.items())


if __name__ == "__main__":
    stage.run("augment", main)
