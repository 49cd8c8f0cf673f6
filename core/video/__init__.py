"""Frame-exact video: index, reader, quality, scope region, thumbnails."""
