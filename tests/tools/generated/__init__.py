"""One module for each kind of file that is written from the model. All are functions from the model to text."""
