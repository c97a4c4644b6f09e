"""Pictures as they come from a bad camera or a long way. Needs Pillow and numpy."""

import io

import numpy as np
from PIL import Image, ImageFilter

LARGEST_SIDE = 640
"""Pixels to which a picture is brought before it is changed."""


def opened(data: bytes) -> Image.Image:
    from trainer.pictures import open_picture

    image = open_picture(data)
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    return image.convert("RGB")


def encoded(image: Image.Image, form: str = "PNG", **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def blurred(image: Image.Image, share: float, generator: np.random.Generator) -> bytes:
    """By a Gaussian whose radius is so much of the shorter side."""
    return encoded(image.filter(ImageFilter.GaussianBlur(share * min(image.size))), compress_level=1)


def noisy(image: Image.Image, share: float, generator: np.random.Generator) -> bytes:
    """Each value moved at random, with a standard deviation of so much of the range."""
    values = np.asarray(image, dtype=np.float32)
    moved = values + generator.normal(0, 255 * share, values.shape)
    return encoded(Image.fromarray(moved.clip(0, 255).astype(np.uint8)), compress_level=1)


def compressed(image: Image.Image, quality: float, generator: np.random.Generator) -> bytes:
    return encoded(image, "JPEG", quality=int(quality))


def lit(image: Image.Image, share: float, generator: np.random.Generator) -> bytes:
    """Half of them darker by so much, half of them lighter."""
    values = np.asarray(image, dtype=np.float32)
    values = values * (1 - share) if generator.random() < 0.5 else 255 - (255 - values) * (1 - share)
    return encoded(Image.fromarray(values.clip(0, 255).astype(np.uint8)), compress_level=1)


def turned(image: Image.Image, degrees: float, generator: np.random.Generator) -> bytes:
    """To either side; the corners get the mean colour."""
    mean = tuple(np.asarray(image).reshape(-1, 3).mean(axis=0).astype(int).tolist())
    angle = degrees if generator.random() < 0.5 else -degrees
    return encoded(image.rotate(angle, Image.Resampling.BILINEAR, fillcolor=mean), compress_level=1)
