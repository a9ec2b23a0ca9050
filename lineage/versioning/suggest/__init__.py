"""Which level of a version a change deserves, by rules over the facets, and whether an announced number fits."""
