"""What is in a data set: the paper's Table 1 and Figures 3 and 4, for any data folder (paper section 3.2)."""
