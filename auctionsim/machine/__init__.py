"""What a machine can fail at: full disks, closed streams, signals, too little memory. Each ends in one line."""
