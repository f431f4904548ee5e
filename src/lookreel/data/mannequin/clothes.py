"""Clothes: the outfit as solids over the body."""

from lookreel.data.mannequin.drape import COLLAR, WAIST, coat, gown, seat, shirt
from lookreel.data.mannequin.physique import Physique
from lookreel.data.mannequin.piece import Piece
from lookreel.data.mannequin.pose import Pose
from lookreel.data.mannequin.tubes import legs, sleeves
from lookreel.data.mannequin.wardrobe import Outfit


def clothes(pose: Pose, body: Physique, outfit: Outfit) -> list[Piece]:
    """Every piece of the outfit but the shoes."""
    worn = (pose, body, outfit)
    if outfit.kind == "dress":
        return [gown(*worn, outfit.top, COLLAR), *sleeves(*worn)]
    if outfit.kind == "shirt+skirt":
        top = shirt(*worn, outfit.top, outfit.ease, max(outfit.top_hem, 0.56))
        return [gown(*worn, outfit.bottom, WAIST + 0.008), top, *sleeves(*worn)]
    trousers = [seat(pose, body, outfit.bottom), *legs(*worn)]
    if outfit.kind == "shirt+trousers":
        return [*trousers, shirt(*worn, outfit.top, outfit.ease, outfit.top_hem), *sleeves(*worn)]
    inner = [shirt(*worn, outfit.inner, 0.005, 0.54)] if outfit.coat_open else []
    return [*trousers, *coat(*worn), *inner, *sleeves(*worn)]
