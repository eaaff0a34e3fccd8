"""How Sphinx makes the site of what `docs.site` has put into build/site-source.

https://www.sphinx-doc.org/en/master/usage/configuration.html
"""

project = "Payment pipeline"
html_title = project
extensions = ["myst_parser"]
root_doc = "index"

# Anchors as GitHub makes them, so that a link works in both places.
myst_heading_anchors = 4
# A block may show what is not whole: an answer cut short is not valid JSON.
suppress_warnings = ["misc.highlighting_failure"]

# Brings its own style and scripts, uses the fonts of the machine, and loads nothing from elsewhere.
html_theme = "furo"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_use_index = False
html_domain_indices = False
