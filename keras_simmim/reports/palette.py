# Hues that differ for most eyes, between light and dark, for pages of either.
PALETTE = (
    "#4c8fd6",
    "#e8853b",
    "#46a869",
    "#d95f69",
    "#9a78d1",
    "#a87f5b",
    "#dd82bd",
    "#8a9199",
    "#b9ac38",
    "#3fb5c4",
)
