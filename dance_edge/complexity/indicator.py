"""How much there is to see in an image: DANCE Eq. 1 and, beside it, Weber contrast."""
import cv2
import numpy as np

from dance_edge.errors import ConfigError
from dance_edge.size import Size, size_of

INDICATORS = ("sobel", "weber")


def spatial_complexity(gray: np.ndarray) -> float:
    """Mean Sobel magnitude of `gray` (H, W), float32 in [0, 1]; unnormalised 3x3 kernels. DANCE Eq. 1.

    A ramp of slope g per pixel gives 8 g away from the border.
    """
    horizontal = cv2.Sobel(gray, cv2.CV_32F, 1, 0, ksize=3)
    vertical = cv2.Sobel(gray, cv2.CV_32F, 0, 1, ksize=3)
    return float(np.mean(cv2.magnitude(horizontal, vertical), dtype=np.float64))


def weber_complexity(gray: np.ndarray) -> float:
    """Eq. 1 over the mean luminance plus one gray level: contrast as the eye has it, so that dusk is not empty."""
    return spatial_complexity(gray) / (float(np.mean(gray, dtype=np.float64)) + 1.0 / 255.0)


def measure(image: np.ndarray, measured_size: Size, indicator: str = "sobel") -> float:
    """Complexity of `image`, (H, W, 3) BGR uint8, with its gray brought to `measured_size` first.

    Complexity depends on resolution, so a profile holds only at the size that it was measured at.
    """
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    if size_of(gray) != measured_size:
        gray = cv2.resize(gray, measured_size.cv2, interpolation=cv2.INTER_AREA)
    gray = gray.astype(np.float32) / 255.0
    if indicator == "sobel":
        return spatial_complexity(gray)
    if indicator == "weber":
        return weber_complexity(gray)
    raise ConfigError("unknown indicator %r" % indicator, "take one of: " + ", ".join(INDICATORS))
