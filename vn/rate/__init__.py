"""The human evaluation (paper section 5.3, Table 6): a blinded kit for raters, and what their ratings say."""
