"""Run work on Ray: the only room that imports it."""
