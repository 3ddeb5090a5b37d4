"""Measures, figures and reports. They read run folders and never see a learner."""
