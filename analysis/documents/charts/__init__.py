"""Say what interactive figures show: points, intervals and names, which a page's script draws and a table lists."""
