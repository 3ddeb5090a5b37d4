"""The kernels that run on the device, and the functions that they call."""
