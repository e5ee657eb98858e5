"""Images as evidence for a policy: the call is in words, what decides about it only in a picture (TriMPI,
arXiv 2510.09474, scaled down).

Words
- picture   a small RGB image, drawn and stored as PNG without an imaging library (pictures)
- Seen      one case: text with `<image>` places, the pictures by path and sha256, and what the engine answers (seen)
- desk      the generator: documents with a stamp, a seal and lines; the stamp is what the policy asks about (desk)
- VM-CPT    next-token loss over everything but the visual tokens, which are no words to be predicted (stage)

Flow: desk -> Seen with its PNG files -> read, hashes compared -> rows of tokens and pixels -> VisualTexts, a stage of
training.stages.run.

The format knows no processor: a row has text with `<image>` places, and `pixels` is whatever a model's own processor
makes of the pictures. torch is imported by the stage alone.
"""

from __future__ import annotations

from .desk import POLICY, desk
from .pictures import read_png, write_png
from .seen import PLACE, Picture, Seen, read_seen, write_seen

__all__ = ["PLACE", "POLICY", "Picture", "Seen", "desk", "read_png", "read_seen", "write_png", "write_seen"]
