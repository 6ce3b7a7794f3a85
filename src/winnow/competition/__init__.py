"""The pipeline `competition`: valuation, rounds of cleaning, and copies, for a fixed network and a limit of images."""
