"""The main job: a clip in, its embedding, the ranking of earlier clips and its explanation out."""
