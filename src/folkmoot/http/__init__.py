"""The FastAPI toolbox: problems, paging, paths, guards, streams. It knows no feature."""
