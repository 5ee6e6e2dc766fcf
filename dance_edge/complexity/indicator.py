"""How much there is to see in an image: DANCE Eq. 1 and, beside it, Weber contrast."""
import cv2
import numpy as np

from dance_edge.complexity.gradient import mean_gradient, mean_luminance
from dance_edge.errors import ConfigError
from dance_edge.size import Size, size_of

INDICATORS = ("sobel", "weber")
DARK = 7.0 / 255.0  # mean luminance of a frame whose Weber contrast counts half


def spatial_complexity(gray: np.ndarray) -> float:
    """Mean Sobel magnitude of `gray` (H, W), float32 in [0, 1]; unnormalised 3x3 kernels. DANCE Eq. 1.

    A ramp of slope g per pixel gives 8 g away from the border. This is the definition; `measure` is the fast way.
    """
    horizontal = cv2.Sobel(gray, cv2.CV_32F, 1, 0, ksize=3)
    vertical = cv2.Sobel(gray, cv2.CV_32F, 0, 1, ksize=3)
    return float(np.mean(cv2.magnitude(horizontal, vertical), dtype=np.float64))


def weber_complexity(gray: np.ndarray) -> float:
    """`weber_contrast` of `gray` (H, W), float32 in [0, 1]."""
    return weber_contrast(spatial_complexity(gray), float(np.mean(gray, dtype=np.float64)))


def weber_contrast(complexity: float, luminance: float) -> float:
    """Eq. 1 over the mean luminance (0-1): contrast as the eye has it, so that dusk is not empty.

    Weber's law ends near black, where what varies is the sensor's noise: noise of sigma s that is cut at 0 has Eq. 1
    of 2.5 s and a mean of 0.4 s, more contrast than any scene. So the quotient fades out by Naka and Rushton's
    L^n / (L^n + DARK^n), with n = 4: half at a mean of 7 gray levels, at most 6 % less from 14 on, 0 for black.
    """
    return complexity * luminance ** 3 / (luminance ** 4 + DARK ** 4)


def measure(image: np.ndarray, measured_size: Size, indicator: str = "sobel") -> float:
    """Complexity of `image`, uint8 (H, W, 3) BGR or (H, W) gray, with its gray brought to `measured_size` first.

    Complexity depends on resolution, so a profile holds only at the size that it was measured at. One function of the
    image and these settings for all jobs; a scan gives it the gray that a JPEG stores, see `data.images.read_counted`,
    and `mean_gradient` for what it rests on. `ConfigError` for an unknown indicator.
    """
    if indicator not in INDICATORS:
        raise ConfigError("unknown indicator %r" % indicator, "take one of: " + ", ".join(INDICATORS))
    if size_of(image) != measured_size:
        gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        image = cv2.resize(gray, measured_size.cv2, interpolation=cv2.INTER_AREA)
    complexity = mean_gradient(image)
    return complexity if indicator == "sobel" else weber_contrast(complexity, mean_luminance(image))
