"""Weights that others publish and `lookreel convert` reads: what to download, how large, under which licence.

Names, sizes and licences are those of the repositories' pages; hashes are not known to us, so none are checked.
Nothing is ever downloaded by lookreel.
"""

from __future__ import annotations

from dataclasses import dataclass

HUB = "https://huggingface.co/"


@dataclass(frozen=True)
class Download:
    """Files of one repository of the hub, or of a page elsewhere, whose whole address it then is. gigabytes: of all of
    them together (1e9 bytes)."""

    repository: str
    files: tuple[str, ...]
    gigabytes: float
    licence: str


@dataclass(frozen=True)
class PublicModel:
    """A model, or a start for training, made from downloads by a command. optional: may be left out."""

    name: str
    note: str
    downloads: tuple[Download, ...]
    optional: tuple[Download, ...]
    command: str

    @property
    def gigabytes(self) -> float:
        """What has to be downloaded."""
        return round(sum(part.gigabytes for part in self.downloads), 1)

    @property
    def licences(self) -> str:
        """Of all the parts that are needed."""
        return ", ".join(dict.fromkeys(part.licence for part in self.downloads))


ANIMATE_ANYONE = Download(
    "patrolli/AnimateAnyone",
    ("denoising_unet.pth", "reference_unet.pth", "motion_module.pth", "pose_guider.pth"),
    8.70,
    "Apache-2.0",
)
VAE = Download("stabilityai/sd-vae-ft-mse", ("config.json", "diffusion_pytorch_model.safetensors"), 0.335, "MIT")
IMAGE_ENCODER = Download(
    "lambdalabs/sd-image-variations-diffusers",
    ("image_encoder/config.json", "image_encoder/pytorch_model.bin"),
    1.22,
    "CreativeML OpenRAIL-M",
)
SD15 = "stable-diffusion-v1-5/stable-diffusion-v1-5"
SD15_CONFIG = Download(SD15, ("unet/config.json",), 0.0, "CreativeML OpenRAIL-M")
SD15_UNET = Download(
    SD15, ("unet/config.json", "unet/diffusion_pytorch_model.safetensors"), 3.44, "CreativeML OpenRAIL-M"
)
MOTION = Download("guoyww/animatediff", ("mm_sd_v15_v2.ckpt",), 1.82, "Apache-2.0")
CONTROLNET = Download(
    "lllyasviel/control_v11p_sd15_openpose", ("diffusion_pytorch_model.safetensors",), 1.45, "OpenRAIL"
)

SD14 = Download(
    "CompVis/stable-diffusion-v1-4",
    ("unet/config.json", "unet/diffusion_pytorch_model.safetensors", "vae/config.json",
     "vae/diffusion_pytorch_model.safetensors"),
    3.77,
    "CreativeML OpenRAIL-M",
)  # fmt: skip
SD14_CONFIG = Download(
    SD14.repository, ("unet/config.json", "vae/config.json", "vae/diffusion_pytorch_model.safetensors"), 0.335,
    SD14.licence,
)  # fmt: skip
CLIP = Download("openai/clip-vit-base-patch32", ("config.json", "pytorch_model.bin"), 0.605, "MIT (CLIP's code)")
DREAMPOSE = Download(
    "https://github.com/johannakarras/DreamPose",  # its page links to the files on Google Drive
    ("unet_epoch_N.pth", "adapter_N.pth", "vae_N.pth"),
    3.78,
    "MIT (its code)",
)

PUBLIC = (
    PublicModel(
        name="animate-anyone",
        note="the open Animate Anyone: films of people from one photo, or several by pose, at 768x512",
        downloads=(ANIMATE_ANYONE, VAE, IMAGE_ENCODER, SD15_CONFIG),
        optional=(),
        command="lookreel convert animate-anyone FOLDER --base SD15 --out MODEL --half",
    ),
    PublicModel(
        name="profashion-start",
        note="what ProFashion's training starts from; no film comes out of it untrained",
        downloads=(SD15_UNET, VAE, IMAGE_ENCODER),
        optional=(MOTION, CONTROLNET),
        command="lookreel convert profashion-start --base SD15 --vae VAE --image-encoder CLIP --motion CKPT --out INIT",
    ),
    PublicModel(
        name="dreampose",
        note="the published DreamPose: films from one photo and DensePose maps, of the subject it was tuned to",
        downloads=(DREAMPOSE, SD14_CONFIG, CLIP),
        optional=(),
        command="lookreel convert dreampose FOLDER --base SD14 --image-encoder CLIP --out MODEL --half",
    ),
    PublicModel(
        name="dreampose-start",
        note="what DreamPose's training starts from; no film comes out of it untrained",
        downloads=(SD14, CLIP),
        optional=(),
        command="lookreel convert dreampose-start --base SD14 --image-encoder CLIP --out INIT",
    ),
)


def rows(model: PublicModel) -> list[tuple[str, ...]]:
    """What to download, one repository a line: files, size, licence, address."""
    parts = [(part, "") for part in model.downloads] + [(part, " (optional)") for part in model.optional]
    return [(" ".join(part.files) + which, _size(part), part.licence, _address(part)) for part, which in parts]


def _size(part: Download) -> str:
    return f"{part.gigabytes:.3g} GB" if part.gigabytes else "under 1 MB"


def _address(part: Download) -> str:
    return part.repository if "://" in part.repository else HUB + part.repository
