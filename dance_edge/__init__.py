"""dance-edge: data-network co-optimization (DANCE) for segmentation models on a Jetson TX2."""
__version__ = "0.1.0"
