"""Controllers: each module offers one as `CONTROLLER`, of the shape `market/controllers.py:Controller`."""
