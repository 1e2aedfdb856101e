from keras_simmim.heads.attention_head import AttentionHead as AttentionHead
from keras_simmim.heads.online_probe import OnlineProbe as OnlineProbe
from keras_simmim.heads.projection_head import ProjectionHead as ProjectionHead
