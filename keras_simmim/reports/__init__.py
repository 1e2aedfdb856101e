"""Pictures of what was learnt, for notebooks; the page of a run is written by `runs.report`."""

from keras_simmim.reports.show_attention import show_attention as show_attention
from keras_simmim.reports.show_neighbors import show_neighbors as show_neighbors
from keras_simmim.reports.show_reconstructions import show_reconstructions as show_reconstructions
from keras_simmim.reports.show_views import show_views as show_views
