"""How each metric is shown: its title, its unit, whether more is better, and its definition in a few words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower", ""]


@dataclass(frozen=True)
class Card:
    """title: for people. better: which way is better, "" where neither is. unit: behind the number. digits: shown."""

    title: str
    better: Better
    definition: str
    unit: str = ""
    digits: int = 3


WHOLE = {
    "ssim": Card("SSIM", "higher", "RGB, gaussian window of sigma 1.5, population covariance, scikit-image's"),
    "ssim_disco": Card("SSIM (DisCo)", "higher", "grey, uniform 7x7 window, sample covariance"),
    "ssim_bdmm": Card("SSIM (BDMM)", "higher", "as SSIM, its range taken from the generated frame"),
    "psnr": Card("PSNR", "higher", "each frame for itself, then the mean; at most 100 dB", "dB", 2),
    "psnr_overflow": Card(
        "PSNR (overflow)", "higher", "uint8 differences that wrap round; only for old tables", "dB", 2
    ),
    "l1": Card("L1", "lower", "mean absolute difference on [0, 1]", digits=4),
    "l1_bdmm": Card("L1 (BDMM)", "lower", "mean absolute difference on [-1, 1], twice ours", digits=4),
    "l1_disco": Card("L1 (DisCo)", "lower", "mean difference of 255 levels over the number of pixels", digits=7),
    "lpips_alex": Card("LPIPS (alex)", "lower", "v0.1, input on [-1, 1]"),
    "lpips_vgg": Card("LPIPS (vgg)", "lower", "v0.1, input on [-1, 1]"),
    "lpips_vgg_disco": Card("LPIPS (DisCo)", "lower", "vgg, fed [0, 1] unscaled as DisCo does"),
    "vgg19_l1": Card("VGG loss", "lower", "VGG-19, five layers, pix2pixHD's weights; not DreamPose's column"),
    "fid": Card("FID", "lower", "Inception-2015, all frames of all clips", digits=2),
    "fid_pytorch": Card("FID (pytorch-fid)", "lower", "Inception-2015, resized as pytorch-fid does", digits=2),
    "fid_vid": Card("FID-VID", "lower", "3D-ResNet-50, DisCo's settings", digits=2),
    "vfid_i3d_eval": Card("VFID-I3D", "lower", "I3D, Mixed_5c; not FashionFlow's column"),
    "vfid_i3d_as_published": Card("VFID-I3D (as published)", "lower", "batch norm in training mode, input on [0, 1]"),
    "is_frame": Card("Inception score, frames", "higher", "10 splits; little meaning within one domain", digits=2),
    "is_video_c3d": Card(
        "Inception score, films", "higher", "C3D on UCF-101; little meaning within one domain", digits=2
    ),
    "vgc_front": Card("Garment, front", "higher", "correlation of the straightened torso with the front photo"),
    "vgc_back": Card("Garment, back", "higher", "correlation of the straightened torso with the back photo"),
    "vgc_loop": Card("Garment, after a turn", "higher", "the last front frame against the first"),
    "vgc_color": Card("Garment, colour", "lower", "distance of the torso's mean colours in Lab", digits=2),
    "vgc_gradient": Card("Garment, sharpness", "higher", "correlation of the torso's edges with the photo's"),
    "ewarp": Card("Warp error", "lower", "squared difference along the truth's flow, unoccluded pixels", digits=5),
    "ewarp_ratio": Card("Warp error / truth", "lower", "1 is as steady as the truth", digits=2),
    "dtssd": Card("Change between frames", "lower", "squared difference of both films' changes", digits=5),
    "pck_05": Card("PCK 0.05", "higher", "keypoints within 5 % of the figure's height"),
    "pck_10": Card("PCK 0.1", "higher", "keypoints within 10 % of the figure's height"),
    "oks": Card("OKS", "higher", "COCO's keypoint similarity"),
    "akd": Card("AKD", "lower", "mean L1 distance of keypoints", "px", 2),
    "mkr": Card("MKR", "lower", "share of the truth's keypoints that are missed"),
    "drift_color": Card(
        "Drift, garment", "", "distance of the torso's colours to the reference; the truth has its own"
    ),
    "drift_color_slope": Card("Drift, garment, slope", "", "how much of it is added in a second"),
    "drift_face": Card("Drift, face", "", "distance of the face's colours to the reference; the truth has its own"),
    "drift_face_slope": Card("Drift, face, slope", "", "how much of it is added in a second"),
    "text_edge": Card("Print, edges", "higher", "correlation of edges where the reference has text or print"),
    "text_psnr": Card("Print, edge PSNR", "higher", "PSNR of the edges there", "dB", 2),
    "text_detail": Card("Print, fine detail", "", "energy of fine detail there; 1 as the truth, above is noise"),
    "text_gmsd": Card("Print, GMSD", "lower", "gradient magnitude similarity deviation there"),
}

FAMILIES = {
    "fvd16": Card("FVD", "lower", "Frechet distance of I3D's logits over 16 frames", digits=2),
    "kvd16": Card("KVD", "lower", "kernel distance of I3D's logits over 16 frames", digits=3),
}


def card(name: str) -> Card:
    """The card of a metric by its id; `_all` and the regions of masks are told from their end."""
    if name in WHOLE:
        return WHOLE[name]
    if name.endswith("_all"):
        base = card(name.removesuffix("_all"))
        return Card(f"{base.title}, all frames", base.better, base.definition, base.unit, base.digits)
    family = FAMILIES.get(name.split("_")[0])
    if family:
        rest = name.split("_")[1:]
        return Card(f"{family.title} ({', '.join(rest)})", family.better, family.definition, family.unit, family.digits)
    base, _, region = name.partition("_")
    if base in WHOLE and region:
        found = WHOLE[base]
        return Card(f"{found.title}, {region}", found.better, found.definition, found.unit, found.digits)
    return Card(name, "", "")
