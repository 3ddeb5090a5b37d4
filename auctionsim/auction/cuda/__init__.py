"""Clear auctions on a CUDA device, to the bit as the compiled kernel does; docs/gpu.md.

Policies and auctions are threads of the device. Budgets, which make auctions sequential, are met by rounds (`day.py`).
"""
