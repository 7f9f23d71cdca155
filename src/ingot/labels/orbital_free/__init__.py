"""Labels by orbital-free density functional theory: the cheap first-principles method for simple metals (DFTpy)."""
