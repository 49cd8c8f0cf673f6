"""EigenGradCAM and its overlays (torch)."""
