"""Languages: which are known, who speaks each and how well, and what the appliance says in them.

A language that the appliance answers in by itself is a folder of data (`data/`). Pure: nothing here
loads a model.
"""
