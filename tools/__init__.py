"""What is made from the code and committed: catalogues of words, generated pages."""
