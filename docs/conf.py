# SPDX-License-Identifier: GPL-2.0-or-later
# Sphinx: the documentation for users (system/) and for authors (devel/).
project = 'Elastic memory for Linux guests'
copyright = 'the authors'
extensions = []
exclude_patterns = []
html_theme = 'alabaster'
