"""Tools that other programs serve by the Model Context Protocol: by URL or as a process."""
