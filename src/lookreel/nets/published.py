"""How the files published around Stable Diffusion 1.5 name their tensors, as tables.

U-Nets carry diffusers' names, which are ours too. The counts are those of the published files.
"""

import re
from collections.abc import Iterable

from lookreel.nets.naming import Naming

# AnimateDiff's sites are "down_blocks.0.motion_modules.1.", ours "down_blocks_0_1." (`nets/temporal.py:key`).
_SITES = (
    (r"^(down_blocks|up_blocks)\.(\d+)\.motion_modules\.(\d+)\.", r"\1_\2_\3."),
    (r"^mid_block\.motion_modules\.(\d+)\.", r"mid_block_\1."),
)
_MOTION = r"\.motion_modules\."

# Animate Anyone's denoising_unet.pth: 686 tensors of SD1.5's U-Net; some trainings keep the motion modules with them.
DENOISER = Naming(ignored=(_MOTION,))
# Animate Anyone's reference_unet.pth: SD1.5's U-Net without its output head, 682 tensors. SD1.5's unet: 686.
UNET = Naming()
# AnimateDiff's mm_sd_v15_v2.ckpt and Animate Anyone's motion_module.pth: 588 tensors, 42 of them fixed positions.
MOTION = Naming(_SITES)
# The same, in a file that holds the U-Net too.
MOTION_IN_UNET = Naming(_SITES, ignored=(rf"^(?!.*{_MOTION})",))
# Animate Anyone's pose_guider.pth: 16 tensors.
POSE_GUIDER = Naming()
# A ControlNet in diffusers' layout: its condition embedding without the last convolution, which starts at zero.
CONTROLNET = Naming(
    ((r"^controlnet_cond_embedding\.", ""),), ignored=(r"^(?!controlnet_cond_embedding\.)", r"\.conv_out\.")
)
# The same in the layout of the ControlNet repository: layers counted with the activations between them.
CONTROLNET_ORIGINAL = Naming(
    ((r"^control_model\.input_hint_block\.0\.", "conv_in."),)
    + tuple((rf"^control_model\.input_hint_block\.{2 * i + 2}\.", f"blocks.{i}.") for i in range(6)),
    ignored=(r"^(?!control_model\.input_hint_block\.)", r"\.input_hint_block\.14\."),
)
# Older autoencoders name their one attention by other words; 248 tensors either way.
VAE = Naming(
    tuple(
        (rf"(\.mid_block\.attentions\.0)\.{old}\.", rf"\1.{new}.")
        for old, new in (("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0"))
    )
)
# CLIP's vision tower with projection; older files keep the numbers of the patches as a tensor, and whole CLIPs read
# texts, too.
IMAGE_ENCODER = Naming(
    ignored=(r"^vision_model\.embeddings\.position_ids$", r"^text_model\.", r"^text_projection\.", r"^logit_scale$")
)

# What a file seems to be, by names that nothing else has; the first that fits counts.
_KINDS = (
    ("a U-Net of SDXL", r"^add_embedding\."),
    ("a ControlNet", r"^(controlnet_cond_embedding|control_model)\."),
    ("an autoencoder", r"^encoder\.down_blocks\."),
    ("CLIP's image encoder", r"^vision_model\."),
    ("a checkpoint of Stable Diffusion in one file", r"^model\.diffusion_model\."),
    ("motion modules", r"\.motion_modules\."),
    ("a denoising U-Net", r"^conv_norm_out\."),
    ("a reference U-Net", r"^down_blocks\."),
    ("a pose guider", r"^blocks\.0\."),
)


def looks_like(names: Iterable[str]) -> str | None:
    """What a file with these names seems to be; None where nothing known."""
    names = list(names)
    return next((kind for kind, pattern in _KINDS if any(re.search(pattern, name) for name in names)), None)
