"""`winnow.find_issues`: the pipeline's scores and decisions from Python, on images of any kind."""
