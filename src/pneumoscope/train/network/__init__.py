"""The network in Keras: backbones, heads, losses, Grad-CAM."""
