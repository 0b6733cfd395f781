"""The engine's core: workflow, plan, scheduler, run. Knows no tensors, pictures, network or file formats."""
