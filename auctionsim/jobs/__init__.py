"""What the command line launches: training, evaluation, studies, on Ray or serial."""
